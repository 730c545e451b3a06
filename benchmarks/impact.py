"""What the application notices of a run at three paces: its p50 and p99, and its errors, alone and beside it.

For each pace a fresh copy of one database: first the application alone, then beside the run, until that has been
verified. The application and the worker are processes of their own, as they are in life, and the server has segments of
its log to write again, as one has that is written to all day. Then a run on another copy with no application. At last
the application beside a process that only computes, a quarter of the time, and beside a loop in the server that only
writes, 5 000 rows a second: what a busy core and the bare writes cost it by themselves.
The targets by the autopilot: p99 at most 1.25 times that of the application alone, no error, and without one four
fifths of full pace. Printed and not asserted.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from backfill.cli.output import answer_console
from backfill.engine.control import Control
from backfill.opening import servers
from backfill.runs.pace import AUTOPILOT as AUTOPILOT_MODE
from backfill.runs.pace import FIXED as FIXED_MODE
from backfill.runs.pace import Pace
from backfill.runs.record import Run
from backfill.runs.states import State
from backfill.settings import Settings, load_settings
from backfill.wiring import default_pace, open_service
from benchmarks.databases import copied, environment_of, prepared, with_used_segments
from benchmarks.floors import compute, write
from benchmarks.goals import Goal
from benchmarks.running import ended
from benchmarks.watched import HEADINGS, WARM_UP_SECONDS, Options, cells, options_from
from benchmarks.ways import BACKFILL, FULL_PACE, settings_on, until, worker_process
from worker.demo.children import Children
from worker.demo.old_application import PhaseSummary
from worker.demo.traffic import start_traffic

EMBEDDED_DIR = Path(__file__).resolve().parent / ".embedded"
# Not an application's: the autopilot is to see that there is none.
OURS = "backfill-benchmark"
ALONE, BESIDE = "alone", "beside"  # one word each, as the application takes its phases
AUTOPILOT, FIXED, FULL = "autopilot", "fixed pace", "full pace"
COMPUTING, WRITING = "only computing", "only writing"
FLOORS = {
    COMPUTING: "what only computes, a quarter of the time",
    WRITING: "bare updates, 5 000 rows a second",
}
MOST_RATIO = {AUTOPILOT: 1.25}
LEAST_OF_FULL = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """The application by itself and beside something; latencies in milliseconds."""

    alone: PhaseSummary
    beside: PhaseSummary

    @property
    def p99_ratio(self) -> float | None:
        if self.alone.p99_ms is None or self.beside.p99_ms is None:
            return None
        return self.beside.p99_ms / self.alone.p99_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact(Noticed):
    """At one pace. `run_seconds` and rows per second with verification, `rows_per_second_alone` where there is no
    application."""

    pace: Pace
    run_seconds: float
    rows_per_second: float
    rows_per_second_alone: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Impacts:
    """By pace, and beside what only computes or writes."""

    paces: Mapping[str, Impact]
    floors: Mapping[str, Noticed]


def paces(settings: Settings) -> Mapping[str, Pace]:
    """The autopilot's, in force where nobody says anything, the fixed one, and one without any consideration."""
    autopilot, fixed = (default_pace(settings, mode) for mode in (AUTOPILOT_MODE, FIXED_MODE))
    return {AUTOPILOT: autopilot, FIXED: fixed, FULL: fixed.with_changes(FULL_PACE)}


async def measure(settings: Settings, pace: Pace, options: Options) -> tuple[Run, PhaseSummary, PhaseSummary]:
    """The run, and the application alone and beside it, on a database of its own that nothing was backfilled in."""
    async with (
        open_service(settings, application_name=OURS) as service,
        Children(environment_of(settings)) as children,
        worker_process(settings),
    ):
        application = await start_traffic(children, options.traffic, "warm-up")
        await asyncio.sleep(WARM_UP_SECONDS)
        await application.phase(ALONE)
        await asyncio.sleep(options.alone_seconds)
        await application.phase(BESIDE)
        run = await _to_its_end(service.control, pace)
        summaries = {summary.phase: summary for summary in await application.stop()}
    return run, summaries[ALONE], summaries[BESIDE]


async def measure_alone(settings: Settings, pace: Pace) -> Run:
    """Where there is no application."""
    async with open_service(settings, application_name=OURS) as service, worker_process(settings):
        return await _to_its_end(service.control, pace)


async def measure_floor(settings: Settings, options: Options, work: Callable[[], Awaitable[None]]) -> Noticed:
    async with Children(environment_of(settings)) as children:
        application = await start_traffic(children, options.traffic, "warm-up")
        await asyncio.sleep(WARM_UP_SECONDS)
        await application.phase(ALONE)
        await asyncio.sleep(options.alone_seconds)
        await application.phase(BESIDE)
        await work()
        summaries = {summary.phase: summary for summary in await application.stop()}
    return Noticed(alone=summaries[ALONE], beside=summaries[BESIDE])


async def _to_its_end(control: Control, pace: Pace) -> Run:
    run, _ = await control.enqueue(BACKFILL, pace, requested_by="benchmark")
    run = await until(control, run.id, lambda run: run.done, every_seconds=0.2)
    if run.state is not State.SUCCEEDED:
        raise RuntimeError(f"the run ended {run.state}: {run.error}")
    return run


def _seconds(run: Run) -> float:
    assert run.started_ms is not None
    assert run.finished_ms is not None
    return (run.finished_ms - run.started_ms) / 1000


async def benchmark(options: Options, progress: Console) -> Impacts:
    settings = load_settings().model_copy(update={"embedded_dir": EMBEDDED_DIR})
    impacts = {}
    with servers(settings) as urls:
        await with_used_segments(urls.database_url)
        progress.print(f"Preparing {options.shape.size}.")
        async with prepared(urls.database_url, options.shape) as template_url:
            for name, pace in paces(settings).items():
                async with copied(urls.database_url, template_url) as database_url:
                    run, alone, beside = await measure(settings_on(settings, urls, database_url), pace, options)
                async with copied(urls.database_url, template_url) as database_url:
                    by_itself = await measure_alone(settings_on(settings, urls, database_url), pace)
                impacts[name] = Impact(
                    pace=pace,
                    alone=alone,
                    beside=beside,
                    run_seconds=_seconds(run),
                    rows_per_second=run.counts.rows_written / _seconds(run),
                    rows_per_second_alone=by_itself.counts.rows_written / _seconds(by_itself),
                )
                progress.print(f"{name}: the run took {impacts[name].run_seconds:.1f} s")
            floors = {}
            for name in FLOORS:
                async with copied(urls.database_url, template_url) as database_url:
                    here = settings_on(settings, urls, database_url)
                    floors[name] = await measure_floor(here, options, _work_of(name, database_url, options))
    return Impacts(paces=impacts, floors=floors)


def _work_of(floor: str, database_url: str, options: Options) -> Callable[[], Awaitable[None]]:
    return partial(write, database_url) if floor == WRITING else partial(compute, options.alone_seconds)


def document(found: Impacts) -> dict[str, Any]:
    impacts = found.paces
    goals = [
        Goal(what=f"application's p99 at the {name}, to alone", value=impact.p99_ratio, most=MOST_RATIO.get(name))
        for name, impact in impacts.items()
        if impact.p99_ratio is not None
    ]
    for name, floor in found.floors.items():
        if floor.p99_ratio is not None:
            goals.append(Goal(what=f"application's p99 beside {FLOORS[name]}, to alone", value=floor.p99_ratio))
    of_full = impacts[AUTOPILOT].rows_per_second_alone / impacts[FULL].rows_per_second_alone
    goals.append(Goal(what="autopilot with no application: rows/s, to full pace", value=of_full, least=LEAST_OF_FULL))
    return {
        "paces": {name: asdict(impact) | {"p99_ratio": impact.p99_ratio} for name, impact in impacts.items()},
        "floors": {name: asdict(floor) | {"p99_ratio": floor.p99_ratio} for name, floor in found.floors.items()},
        "goals": [goal.document() for goal in goals],
    }


def show(console: Console, found: Impacts) -> None:
    table = Table(title="What the application notices")
    table.add_column("")
    for heading in (*HEADINGS, "p99 to alone", "run, s", "rows/s", "rows/s, no application"):
        table.add_column(heading, justify="right")
    for name, impact in found.paces.items():
        rates = [f"{rate:,.0f}" for rate in (impact.rows_per_second, impact.rows_per_second_alone)]
        _add_rows(table, name, impact, f"{impact.run_seconds:.1f}", *rates)
    for name, floor in found.floors.items():
        _add_rows(table, name, floor, "", "", "")
    console.print(table)


def _add_rows(table: Table, name: str, noticed: Noticed, *more: str) -> None:
    ratio = f"{noticed.p99_ratio:.2f}" if noticed.p99_ratio is not None else "-"
    table.add_row(f"{name}: {ALONE}", *cells(noticed.alone), "", "", "", "")
    table.add_row(name, *cells(noticed.beside), ratio, *more)


def tell() -> None:
    options = options_from(sys.argv[1:], __doc__)
    found = asyncio.run(benchmark(options, answer_console(stderr=True)))
    if options.as_json:
        print(json.dumps(document(found), indent=2))
    else:
        show(answer_console(), found)


def main() -> int:
    return ended(tell)


if __name__ == "__main__":
    sys.exit(main())
