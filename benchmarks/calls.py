"""Rows per second of a Python function that is called for each row, in a run by one worker.

The first two take 50 milliseconds for a row, 20 of them at once: 400 rows a second is what there can be. The third
takes next to nothing, so it shows what the rest of a run costs. Beside the speed: how often a lease was taken over,
which is never to happen, how long rows were locked at a time, by the last transaction, and how soon a pause takes
effect. Printed and not asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from rich.table import Table

from backfill.cli.output import answer_console
from backfill.engine.control import Control
from backfill.opening import servers
from backfill.runs.record import Run
from backfill.runs.states import Action, State
from backfill.settings import Settings, load_settings
from backfill.urls import ServerUrls
from backfill.wiring import default_pace, open_service
from benchmarks.called import AT_ONCE, MILLISECONDS
from benchmarks.databases import empty, sql
from benchmarks.running import ended
from benchmarks.ways import FULL_PACE, settings_on, until, worker_process

EMBEDDED_DIR = Path(__file__).resolve().parent / ".embedded"
FUNCTIONS = ("in-threads", "on-the-loop", "at-once")
PAUSES, PAUSED_EVERY_ROWS = 7, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`locked_ms` is how long rows were locked by the last transaction that wrote some."""

    name: str
    rows: int
    seconds: float
    verifying_seconds: float
    locked_ms: float | None
    takeovers: int


@asynccontextmanager
async def running(settings: Settings, urls: ServerUrls, name: str, rows: int) -> AsyncIterator[tuple[Control, Run]]:
    """A run at full pace, just begun, by one worker that was up and idle before."""
    async with empty(urls.database_url) as database_url:
        connection = await asyncpg.connect(database_url)
        await connection.execute(sql("create_documents"))
        await connection.execute(sql("fill_documents"), rows)
        await connection.close()
        settings = settings_on(settings, urls, database_url)
        async with open_service(settings, application_name="benchmark") as service, worker_process(settings):
            pace = default_pace(settings).with_changes(FULL_PACE)
            run, _ = await service.control.enqueue(name, pace, requested_by="benchmark")
            yield service.control, run
            keys = [key async for key in service.redis.scan_iter(f"{settings.redis_prefix}:*")]
            await service.redis.delete(*keys)


async def measure(settings: Settings, urls: ServerUrls, name: str, rows: int) -> Measured:
    async with running(settings, urls, name, rows) as (control, begun):
        began = time.monotonic()
        await until(control, begun.id, lambda run: run.state not in (State.QUEUED, State.RUNNING))
        settled = time.monotonic()
        run = await until(control, begun.id, lambda run: run.done)
        verified = time.monotonic()
        events = await control.events(run.id)
    if run.state is not State.SUCCEEDED or run.counts.rows_written != rows:
        raise RuntimeError(f"the run ended {run.state} with {run.counts.rows_written} rows: {run.error}")
    return Measured(
        name=name,
        rows=rows,
        seconds=settled - began,
        verifying_seconds=verified - settled,
        locked_ms=run.batch_ms,
        takeovers=sum(event.kind == "takeover" for event in events),
    )


async def pauses(settings: Settings, urls: ServerUrls) -> list[float]:
    """Seconds from each command to the state `paused`, of calls that take 50 milliseconds."""
    seconds = []
    async with running(settings, urls, FUNCTIONS[0], PAUSES * PAUSED_EVERY_ROWS * 2) as (control, run):
        for number in range(1, PAUSES + 1):
            rows = number * PAUSED_EVERY_ROWS
            await until(control, run.id, lambda run, rows=rows: run.counts.rows_written >= rows)  # type: ignore[misc]
            began = time.monotonic()
            await control.act(run.id, Action.PAUSE, who="benchmark")
            await until(control, run.id, lambda run: run.state is State.PAUSED, every_seconds=0.005)
            seconds.append(time.monotonic() - began)
            await control.act(run.id, Action.RESUME, who="benchmark")
        await control.act(run.id, Action.CANCEL, who="benchmark")
        await until(control, run.id, lambda run: run.done)
    return sorted(seconds)


async def benchmark(rows: Sequence[int]) -> None:
    settings = load_settings().model_copy(update={"embedded_dir": EMBEDDED_DIR})
    table = Table(title=f"{MILLISECONDS} ms a row, {AT_ONCE} at once, and no wait at all; one worker")
    table.add_column("function")
    for column in ("rows", "seconds", "rows/s", "verifying", "locked ms", "takeovers"):
        table.add_column(column, justify="right")
    with servers(settings) as urls:
        for name, count in zip(FUNCTIONS, rows, strict=True):
            one = await measure(settings, urls, name, count)
            table.add_row(
                one.name,
                f"{one.rows:,}",
                f"{one.seconds:.1f}",
                f"{one.rows / one.seconds:,.0f}",
                f"{one.verifying_seconds:.1f}",
                "" if one.locked_ms is None else f"{one.locked_ms:.1f}",
                str(one.takeovers),
            )
        reactions = await pauses(settings, urls)
    console = answer_console()
    console.print(table)
    console.print(f"{PAUSES} pauses: p50 {reactions[PAUSES // 2]:.2f} s, longest {reactions[-1]:.2f} s.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=6_000, help="that are waited for; default: %(default)s")
    parser.add_argument("--quick-rows", type=int, default=100_000, help="that are not; default: %(default)s")
    given = parser.parse_args()
    # Of the worker as well.
    os.environ["BACKFILL_DEFINITIONS"] = "benchmarks.called"
    return ended(lambda: asyncio.run(benchmark((given.rows, given.rows, given.quick_rows))))


if __name__ == "__main__":
    sys.exit(main())
