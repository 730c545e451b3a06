"""How long the run's transactions are, and how fast it pauses, with a giant project beside many small ones.

First every transaction of a run is timed, in this process. Then a run by a real worker is paused and resumed again
and again: the reaction is from the command to the state `paused`. Printed and not asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from statistics import quantiles

from rich.console import Console

from backfill.cli.output import answer_console
from backfill.engine.protocols import Backfill, CheckedPage, PartSettled, Settled
from backfill.opening import servers
from backfill.runs.findings import Finding
from backfill.runs.pace import FIXED
from backfill.runs.ranges import Key, Plan, Unit
from backfill.runs.record import Run
from backfill.runs.states import Action, State
from backfill.runs.wording import counted
from backfill.settings import load_settings
from backfill.urls import ServerUrls
from backfill.wiring import Service, build_service, default_pace
from benchmarks.databases import copied, prepared
from benchmarks.running import ended
from benchmarks.ways import BACKFILL, settings_on, until, worker_process
from worker.demo.old_data import OldDataShape

EMBEDDED_DIR = Path(__file__).resolve().parent / ".embedded"


class Timed:
    """The backfill with a stopwatch around every transaction that locks rows."""

    def __init__(self, inner: Backfill) -> None:
        self._inner = inner
        self.name = inner.name
        self.rules = inner.rules
        self.milliseconds: list[float] = []

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        began = time.perf_counter()
        settled = await self._inner.settle(unit_ids)
        self.milliseconds.append((time.perf_counter() - began) * 1000)
        return settled

    async def settle_part(self, unit_id: str, mark: str | None, *, rows: int) -> PartSettled:
        began = time.perf_counter()
        part = await self._inner.settle_part(unit_id, mark, rows=rows)
        if part.written:  # otherwise it only looked where the project stands, and locked nothing
            self.milliseconds.append((time.perf_counter() - began) * 1000)
        return part

    async def check_schema(self) -> tuple[Finding, ...]:
        return await self._inner.check_schema()

    async def check_privileges(self, *, writes: bool) -> tuple[Finding, ...]:
        return await self._inner.check_privileges(writes=writes)

    async def plan(self, ranges: int) -> Plan:
        return await self._inner.plan(ranges)

    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        return await self._inner.read_page(after, end, units=units, row_cap=row_cap)

    async def read_units(self, unit_ids: Collection[str], *, row_cap: int) -> tuple[Unit, ...]:
        return await self._inner.read_units(unit_ids, row_cap=row_cap)

    async def count_rows(self, unit_id: str) -> int:
        return await self._inner.count_rows(unit_id)

    async def check_page(self, after: Key | None, end: Key | None, *, units: int) -> CheckedPage:
        return await self._inner.check_page(after, end, units=units)


async def time_transactions(service: Service, console: Console) -> None:
    timed = Timed(service.control.backfill(BACKFILL))
    slices = replace(service.slices, bind=lambda _name, _parameters: timed)
    run, _ = await service.control.enqueue(BACKFILL, default_pace(service.settings, FIXED), requested_by="benchmark")
    while not (await service.control.get(run.id)).done:
        await asyncio.gather(*(slices.work(run.id, lambda: False) for _ in range(run.pace.parallel)))
    cuts = quantiles(timed.milliseconds, n=100)
    console.print(
        f"{counted(len(timed.milliseconds), 'transaction')}: p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms, longest "
        f"{max(timed.milliseconds):.0f} ms; {_share(timed.milliseconds, lambda ms: ms <= 150):.2%} up to 150 ms, "
        f"{sum(ms > 500 for ms in timed.milliseconds)} above 500 ms."
    )


async def time_pauses(service: Service, times: int, console: Console) -> None:
    control = service.control
    run, _ = await control.enqueue(BACKFILL, default_pace(service.settings, FIXED), requested_by="benchmark")
    reactions = []
    for _ in range(times):
        current = await until(control, run.id, _is_past((await control.get(run.id)).counts.rows_written))
        if current.state is not State.RUNNING:
            break
        await asyncio.sleep(random.uniform(0, 0.2))
        began = time.perf_counter()
        await control.act(run.id, Action.PAUSE, who="benchmark")
        await until(control, run.id, lambda run: run.state is State.PAUSED, every_seconds=0.002)
        reactions.append((time.perf_counter() - began) * 1000)
        await control.act(run.id, Action.RESUME, who="benchmark")
    await until(control, run.id, lambda run: run.done)
    reactions.sort()
    p95 = quantiles(reactions, n=20)[18]
    console.print(
        f"{counted(len(reactions), 'pause')}: p50 {reactions[len(reactions) // 2]:.0f} ms, p95 {p95:.0f} ms, "
        f"longest {reactions[-1]:.0f} ms; one batch takes about {service.settings.target_ms} ms."
    )


def _is_past(rows: int) -> Callable[[Run], bool]:
    return lambda run: run.done or run.counts.rows_written > rows


def _share(values: Sequence[float], holds: Callable[[float], bool]) -> float:
    return sum(holds(value) for value in values) / max(len(values), 1)


async def benchmark(shape: OldDataShape, pauses: int) -> None:
    console = answer_console()
    settings = load_settings().model_copy(update={"embedded_dir": EMBEDDED_DIR})
    with servers(settings) as urls:
        console.print(
            f"Preparing {counted(shape.generations, 'generation')}, a share of {shape.giant_share:.2f} in one project."
        )
        async with prepared(urls.database_url, shape) as template_url, AsyncExitStack() as stack:
            for number in range(2):
                database_url = await stack.enter_async_context(copied(urls.database_url, template_url))
                ours = settings_on(settings, urls, database_url)
                own = ServerUrls(database_url=database_url, redis_url=urls.redis_url)
                service = await build_service(ours, own, stack, application_name="benchmark")
                if number == 0:
                    await time_transactions(service, console)
                    continue
                async with worker_process(ours):
                    await time_pauses(service, pauses, console)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=400_000, help="half of them in one project; %(default)s")
    parser.add_argument("--projects", type=int, default=20_000, help="default: %(default)s")
    parser.add_argument("--pauses", type=int, default=40, help="default: %(default)s")
    given = parser.parse_args()
    shape = OldDataShape(projects=given.projects, generations=given.generations, giant_share=0.5)
    return ended(lambda: asyncio.run(benchmark(shape, given.pauses)))


if __name__ == "__main__":
    sys.exit(main())
