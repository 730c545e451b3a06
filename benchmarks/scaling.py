"""Whether a large run is as fast at its end as at its beginning, and as fast as one over a tenth of the rows.

Runs at full pace, on data of the same kind: three over a tenth of the rows, of which the one in the middle counts, as
each takes only seconds, and then one over all of them. Rows per second are those of settling; projects are alike, so
that no tenth has the giant in it. At the end of the large run also the memory of its worker, which is as in the image,
and what the run takes in Redis.

10 million rows in a million projects want about 25 GB of disk and half an hour:

    python -m benchmarks.scaling --generations 10000000 --projects 1000000

Embedded servers are set up for large tables: a quarter of the machine's memory for blocks, and room in the WAL, of
which the segments have been in use. With a small server's settings there is a checkpoint every few seconds, and none in
the smaller run and near the beginning of the larger one. Servers that somebody has set up are taken as they are.

Tables that do not fit into memory are waited for, and with more ranges at once (`--parallel 4`) there is more to do
meanwhile. Rows without their output files (`--without-files`) are less wide, and servers whose folder is in memory
(`--embedded-dir /dev/shm/backfill-benchmark`) have no disk: both show what the run itself does.

Exits with 0 whatever holds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil
from redis.asyncio import Redis
from rich.console import Console

from backfill.cli.output import answer_console
from backfill.engine.control import Control
from backfill.opening import servers
from backfill.runs.states import State
from backfill.settings import Settings, load_settings
from backfill.urls import ServerUrls
from backfill.wiring import default_pace, open_service
from benchmarks.databases import prepared, set_for_large_tables, with_used_segments
from benchmarks.goals import Goal, show_goals
from benchmarks.running import ended
from benchmarks.ways import BACKFILL, FULL_PACE, LANES, settings_on, worker_process
from worker.demo.old_data import OldDataShape

# Apart from those of the other benchmarks, which are set up as anybody's.
EMBEDDED_DIR = Path(__file__).resolve().parent / ".embedded-large"
USED_SEGMENTS = 256  # as many as are kept
SMALL_RUNS = 3
STARTS, UNTIL_ENDED_SECONDS = 3, 4.0
TENTH = 10
LOOK_EVERY_SECONDS = 0.1
# The clock starts with the first rows: what a worker needs to find its run is no row's time. What is left of the end is
# when the last lane works by itself.
BEGINS_AT, ENDS_AT = 0.02, 0.98


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Of one run: rows per second of settling, of a tenth of it near the beginning and of one near the end."""

    rows: int
    rows_per_second: float
    first_tenth: float
    last_tenth: float
    verifying_seconds: float
    worker_mib: float
    redis_mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    small: Course
    large: Course

    @property
    def goals(self) -> tuple[Goal, ...]:
        small, large = self.small, self.large
        return (
            Goal(
                what=f"{large.rows:,} rows: rows/s near the end, to those near the beginning",
                value=large.last_tenth / large.first_tenth,
                least=0.95,
            ),
            Goal(
                what=f"{large.rows:,} rows: rows/s, to those of {small.rows:,} rows",
                value=large.rows_per_second / small.rows_per_second,
                least=0.9,
            ),
            Goal(what="memory of the worker at the end, MiB", value=large.worker_mib, most=80),
            Goal(what="Redis for the run, MiB", value=large.redis_mib, most=5),
        )


async def passed(control: Control, run_id: str, rows: int) -> tuple[list[tuple[float, int]], float]:
    """(seconds, rows that the cursors have passed) until the run is verified, and how long its verification took."""
    seen: list[tuple[float, int]] = []
    settled = None
    while True:
        run = await control.get(run_id)
        seen.append((time.monotonic(), min(run.counts.rows_done, rows)))
        if settled is None and run.state not in (State.QUEUED, State.RUNNING):
            settled = time.monotonic()
        if run.done:
            break
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    if run.state is not State.SUCCEEDED or settled is None:
        raise RuntimeError(f"the run ended {run.state}: {run.error}")
    return seen, time.monotonic() - settled


def rate(seen: Sequence[tuple[float, int]], begin: float, end: float) -> float:
    """Rows per second between two shares of all rows."""
    total = seen[-1][1]
    first = next(one for one in seen if one[1] >= begin * total and one[1] > 0)
    last = next(one for one in seen if one[1] >= end * total)
    return (last[1] - first[1]) / max(last[0] - first[0], 1e-9)


async def size_of(redis: Redis, prefix: str) -> int:
    """Bytes of all keys under the prefix."""
    sizes = [await redis.memory_usage(key, samples=0) async for key in redis.scan_iter(f"{prefix}:*")]
    return sum(size or 0 for size in sizes)


async def run_over(urls: ServerUrls, settings: Settings, shape: OldDataShape, ranges: int) -> Course:
    async with prepared(urls.database_url, shape) as url:
        here = settings_on(settings, urls, url)
        async with open_service(here, application_name="benchmark") as service, worker_process(here) as worker:
            pace = default_pace(here).with_changes({**FULL_PACE, "parallel": ranges})
            run, _ = await service.control.enqueue(BACKFILL, pace, requested_by="benchmark")
            seen, verifying_seconds = await passed(service.control, run.id, shape.generations)
            memory = psutil.Process(worker.pid).memory_info().rss
            redis_bytes = await size_of(service.redis, here.redis_prefix)
            keys = [key async for key in service.redis.scan_iter(f"{here.redis_prefix}:*")]
            await service.redis.delete(*keys)
    return Course(
        rows=shape.generations,
        rows_per_second=rate(seen, BEGINS_AT, ENDS_AT),
        first_tenth=rate(seen, BEGINS_AT, BEGINS_AT + 0.1),
        last_tenth=rate(seen, ENDS_AT - 0.1, ENDS_AT),
        verifying_seconds=verifying_seconds,
        worker_mib=memory / 2**20,
        redis_mib=redis_bytes / 2**20,
    )


async def set_up(settings: Settings) -> None:
    """Embedded servers end a moment after the last one has left them, and begin with what was set meanwhile."""
    for _ in range(STARTS):
        with servers(settings) as urls:
            if await set_for_large_tables(urls.database_url):
                return
        await asyncio.sleep(UNTIL_ENDED_SECONDS)
    raise RuntimeError("the embedded servers did not begin anew; does somebody else use them?")


async def benchmark(shape: OldDataShape, ranges: int, embedded_dir: Path, progress: Console) -> Scaling:
    settings = load_settings().model_copy(update={"embedded_dir": embedded_dir, "parallel": ranges})
    small = replace(shape, projects=shape.projects // TENTH, generations=shape.generations // TENTH)
    courses = []
    if settings.database_url is None:
        await set_up(settings)
    with servers(settings) as urls:
        await with_used_segments(urls.database_url, USED_SEGMENTS)
        for one in (*[small] * SMALL_RUNS, shape):
            progress.print(f"Preparing {one.size}.")
            courses.append(await run_over(urls, settings, one, ranges))
            progress.print(f"{courses[-1].rows_per_second:,.0f} rows/s")
    *smaller, large = courses
    return Scaling(small=sorted(smaller, key=lambda course: course.rows_per_second)[SMALL_RUNS // 2], large=large)


def show(scaling: Scaling, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**asdict(scaling), "goals": [goal.document() for goal in scaling.goals]}, indent=2))
        return
    console = answer_console()
    for course in (scaling.small, scaling.large):
        console.print(
            f"{course.rows:,} rows: {course.rows_per_second:,.0f} rows/s, {course.first_tenth:,.0f} near the beginning,"
            f" {course.last_tenth:,.0f} near the end; verified in {course.verifying_seconds:.1f} s"
        )
    show_goals(console, scaling.goals)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--projects", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--parallel", type=int, default=LANES, help="ranges at once, default: %(default)s")
    parser.add_argument("--without-files", action="store_true", help="rows without their output files")
    parser.add_argument("--embedded-dir", type=Path, default=EMBEDDED_DIR, help="of the servers, default: %(default)s")
    parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON document on stdout")
    given = parser.parse_args()
    shape = OldDataShape(
        projects=given.projects, generations=given.generations, giant_share=0.0, files=not given.without_files
    )
    measured = benchmark(shape, given.parallel, given.embedded_dir, answer_console(stderr=True))
    return ended(lambda: show(asyncio.run(measured), as_json=given.as_json))


if __name__ == "__main__":
    sys.exit(main())
