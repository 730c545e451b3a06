"""Seconds and WAL of a set-based backfill of narrow rows against one big UPDATE of them, in one run.

a  one UPDATE of the whole table in one transaction; what the first reading of its rows adds to the WAL counts as its
b  our run at full pace: an arq worker, enqueue, until it has succeeded, its verification included

Both on copies of one database, with the sync trigger in place. The servers are embedded ones in a folder of their own,
at their default settings, unless DATABASE_URL and REDIS_URL name others. Exits with 0 whoever wins.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from statistics import median

import asyncpg
from sqlalchemy import text

from backfill.cli.output import answer_console
from backfill.definitions import sync_trigger
from backfill.opening import servers
from backfill.runs.pace import FIXED
from backfill.runs.states import State
from backfill.settings import Settings, load_settings
from backfill.sql.database import open_engine
from backfill.urls import ServerUrls
from backfill.wiring import default_pace, open_service
from benchmarks.databases import copied, empty, sql
from benchmarks.goals import Goal, show_goals
from benchmarks.measuring import Stopwatch
from benchmarks.narrow import EmailNormalized
from benchmarks.running import ended
from benchmarks.throughput import EMBEDDED_DIR
from benchmarks.ways import settings_on, until, worker_process

DEFINITIONS = "benchmarks.narrow"
MOST_TIMES = 2.0
# Full pace: a row is held as long as that at most. A run beside live traffic is content with 50.
TARGET_MS = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    rows: int
    repeat: int
    parallel: int
    batch_rows: int
    as_json: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    update_seconds: float
    update_wal_bytes: int
    run_seconds: float
    verifying_seconds: float
    run_wal_bytes: int

    @property
    def seconds_ratio(self) -> float:
        return self.run_seconds / self.update_seconds

    @property
    def wal_ratio(self) -> float:
        return self.run_wal_bytes / self.update_wal_bytes


def options_from(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="rounds")
    parser.add_argument("--parallel", type=int, default=3, help="ranges at once, default: %(default)s")
    parser.add_argument("--batch-rows", type=int, default=10_000, help="rows per transaction, default: %(default)s")
    parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON document on stdout")
    given = parser.parse_args(arguments)
    return Options(**vars(given))


@asynccontextmanager
async def prepared(server_url: str, rows: int) -> AsyncIterator[str]:
    async with empty(server_url) as url:
        engine = open_engine(url, application_name="benchmark", command_timeout_seconds=None)
        async with engine.begin() as connection:
            await connection.execute(text(sql("create_narrow")))
            for statement in sync_trigger(EmailNormalized).create:
                await connection.execute(statement)
        await engine.dispose()
        connection = await asyncpg.connect(url)
        await connection.execute("ALTER TABLE customers DISABLE TRIGGER USER")
        await connection.execute(sql("fill_narrow"), rows)
        await connection.execute("ALTER TABLE customers ENABLE TRIGGER USER")
        await connection.execute(sql("vacuum"))
        await connection.close()
        yield url


async def one_update(urls: ServerUrls, template_url: str) -> tuple[float, int, int]:
    async with copied(urls.database_url, template_url) as url:
        connection = await asyncpg.connect(url)
        stopwatch = Stopwatch(connection)
        await stopwatch.begin()
        await connection.execute(sql("one_update"))
        await stopwatch.end()
        seconds = stopwatch.seconds
        await connection.execute(sql("read_after_update"))
        await stopwatch.end()
        digest = await connection.fetchval(sql("read_narrow_digest"))
        await connection.close()
        return seconds, stopwatch.wal_bytes, digest


async def our_run(
    urls: ServerUrls, template_url: str, settings: Settings, options: Options
) -> tuple[Stopwatch, float, int]:
    """And the seconds of its verification, which are among those of the stopwatch."""
    async with copied(urls.database_url, template_url) as url:
        here = settings_on(settings, urls, url).model_copy(update={"definitions": (DEFINITIONS,)})
        connection = await asyncpg.connect(url)
        stopwatch = Stopwatch(connection)
        async with (
            open_service(here, application_name="benchmark") as service,
            worker_process(here, BACKFILL_DEFINITIONS=DEFINITIONS),
        ):
            pace = default_pace(here, FIXED).with_changes(
                {"parallel": options.parallel, "batch_rows": options.batch_rows, "target_ms": TARGET_MS, "pause_ms": 0}
            )
            await stopwatch.begin()
            run, _ = await service.control.enqueue("email-normalized", pace, requested_by="benchmark")
            await until(service.control, run.id, lambda run: run.state not in (State.QUEUED, State.RUNNING))
            settled = time.monotonic()
            run = await until(service.control, run.id, lambda run: run.done)
            verifying = time.monotonic() - settled
            await stopwatch.end()
            keys = [key async for key in service.redis.scan_iter(f"{here.redis_prefix}:*")]
            await service.redis.delete(*keys)
        if run.state is not State.SUCCEEDED:
            raise RuntimeError(f"the run ended {run.state}: {run.error}")
        digest = await connection.fetchval(sql("read_narrow_digest"))
        await connection.close()
        return stopwatch, verifying, digest


async def one_round(urls: ServerUrls, template_url: str, settings: Settings, options: Options) -> Round:
    seconds, wal_bytes, digest = await one_update(urls, template_url)
    ours, verifying_seconds, our_digest = await our_run(urls, template_url, settings, options)
    if digest != our_digest:
        raise RuntimeError("the two came to different results")
    return Round(
        update_seconds=seconds,
        update_wal_bytes=wal_bytes,
        run_seconds=ours.seconds,
        verifying_seconds=verifying_seconds,
        run_wal_bytes=ours.wal_bytes,
    )


async def benchmark(options: Options) -> list[Round]:
    settings = load_settings().model_copy(
        update={"embedded_dir": EMBEDDED_DIR, "parallel": options.parallel, "batch_rows": options.batch_rows}
    )
    with servers(settings) as urls:
        async with prepared(urls.database_url, options.rows) as template_url:
            return [await one_round(urls, template_url, settings, options) for _ in range(options.repeat)]


def goals_of(rounds: Sequence[Round]) -> tuple[Goal, ...]:
    """One UPDATE is the floor: every row is written once, and nothing else is done."""
    seconds, wal = (median(one) for one in zip(*((r.seconds_ratio, r.wal_ratio) for r in rounds), strict=True))
    verifying = median(one.verifying_seconds / (one.run_seconds - one.verifying_seconds) for one in rounds)
    return (
        Goal(what="narrow rows: seconds with verification, to one UPDATE's", value=seconds, most=MOST_TIMES),
        Goal(what="narrow rows: WAL, to one UPDATE's", value=wal, most=1.01),
        Goal(what="narrow rows: verification, to the run before it", value=verifying, most=0.15),
    )


def show(rounds: Sequence[Round], options: Options) -> None:
    goals = goals_of(rounds)
    if options.as_json:
        print(json.dumps({"rounds": [asdict(one) for one in rounds], "goals": [goal.document() for goal in goals]}))
        return
    console = answer_console()
    for one in rounds:
        console.print(
            f"one UPDATE {one.update_seconds:.2f} s, {one.update_wal_bytes / 2**20:.0f} MiB of WAL;"
            f" our run {one.run_seconds:.2f} s (verification {one.verifying_seconds:.2f} s of them),"
            f" {one.run_wal_bytes / 2**20:.0f} MiB"
        )
    show_goals(console, goals)


def main() -> int:
    options = options_from(sys.argv[1:])
    return ended(lambda: show(asyncio.run(benchmark(options)), options))


if __name__ == "__main__":
    sys.exit(main())
