"""What an application notices of a run by the autopilot when it suddenly does several times as much.

The application by itself at its usual load and at the surge's, then both again beside a run: as usual, the first five
seconds of the surge, in which the autopilot finds out, and those after. The target: from the sixth second on, p99 is at
most 1.25 times what the same load alone has. Printed and not asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from backfill.cli.output import answer_console
from backfill.engine.control import Control
from backfill.opening import servers
from backfill.runs.errors import UsageError
from backfill.runs.pace import AUTOPILOT
from backfill.runs.states import Action, State
from backfill.settings import Settings, load_settings
from backfill.wiring import Service, default_pace, open_service
from benchmarks.databases import environment_of, prepared, with_used_segments
from benchmarks.goals import Goal, show_goals
from benchmarks.running import ended
from benchmarks.throughput import EMBEDDED_DIR
from benchmarks.watched import HEADINGS, WARM_UP_SECONDS, cells
from benchmarks.ways import BACKFILL, settings_on, until, worker_process
from worker.demo.children import Children
from worker.demo.old_application import PhaseSummary, Traffic
from worker.demo.old_data import OldDataShape
from worker.demo.traffic import OldApplicationProcess, start_traffic

FINDS_OUT_SECONDS = 5.0
# So long has the autopilot to learn what its work costs at the usual load.
LEARNS_SECONDS = 12.0
MOST_RATIO = 1.25
USUAL_ALONE, SURGE_ALONE = "usual-alone", "surge-alone"
USUAL, FIRST, AFTER = "usual", "surge-first", "surge-after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Transactions per second as usual and times as many in the surge; seconds that each phase is measured."""

    shape: OldDataShape
    usual: int
    times: int
    connections: int
    seconds: float
    as_json: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Surge:
    """Phases by name, and rows that the run wrote per second in those beside it."""

    phases: Mapping[str, PhaseSummary]
    rows_per_second: Mapping[str, float]

    def ratio(self, phase: str, alone: str) -> float:
        beside_ms, alone_ms = self.phases[phase].p99_ms, self.phases[alone].p99_ms
        return beside_ms / alone_ms if beside_ms and alone_ms else float("nan")

    @property
    def goals(self) -> tuple[Goal, ...]:
        return (
            Goal(what="application's p99 before a surge, to alone", value=self.ratio(USUAL, USUAL_ALONE)),
            Goal(what="application's p99 in its first five seconds, to alone", value=self.ratio(FIRST, SURGE_ALONE)),
            Goal(what="application's p99 after them, to alone", value=self.ratio(AFTER, SURGE_ALONE), most=MOST_RATIO),
        )


async def measure(settings: Settings, options: Options) -> Surge:
    rows: dict[str, float] = {}
    async with (
        open_service(settings, application_name="benchmark") as service,
        Children(environment_of(settings)) as children,
    ):
        traffic = Traffic(connections=options.connections, transactions_per_second=options.usual, deletes_percent=0.0)
        application = await start_traffic(children, traffic, "warm-up")
        await asyncio.sleep(WARM_UP_SECONDS)
        await _by_itself(application, options)
        async with worker_process(settings):
            await _beside_a_run(service, application, options, rows)
        summaries = {summary.phase: summary for summary in await application.stop()}
    return Surge(phases=summaries, rows_per_second=rows)


async def _by_itself(application: OldApplicationProcess, options: Options) -> None:
    await application.phase(USUAL_ALONE)
    await asyncio.sleep(options.seconds)
    await application.phase("rising")
    await application.rate(options.usual * options.times)
    await asyncio.sleep(FINDS_OUT_SECONDS)
    await application.phase(SURGE_ALONE)
    await asyncio.sleep(options.seconds)
    await application.phase("falling")
    await application.rate(options.usual)


async def _beside_a_run(
    service: Service, application: OldApplicationProcess, options: Options, rows: dict[str, float]
) -> None:
    control = service.control
    run, _ = await control.enqueue(BACKFILL, default_pace(service.settings, AUTOPILOT), requested_by="benchmark")
    await until(control, run.id, lambda run: run.counts.rows_written > 0, every_seconds=0.2)
    await asyncio.sleep(LEARNS_SECONDS)
    for name, seconds in ((USUAL, options.seconds), (FIRST, FINDS_OUT_SECONDS), (AFTER, options.seconds)):
        await application.phase(name)
        if name == FIRST:
            await application.rate(options.usual * options.times)
        rows[name] = await _rows_in(control, run.id, seconds)
    await application.phase("cancelled")
    await control.act(run.id, Action.CANCEL, who="benchmark")
    await until(control, run.id, lambda run: run.done, every_seconds=0.2)


async def _rows_in(control: Control, run_id: str, seconds: float) -> float:
    """Written per second."""
    before = await control.get(run_id)
    await asyncio.sleep(seconds)
    after = await control.get(run_id)
    if after.state is not State.RUNNING:
        raise UsageError(f"The run was {after.state} before the surge was over.", "Give it more --generations.")
    return (after.counts.rows_written - before.counts.rows_written) / seconds


async def benchmark(options: Options, progress: Console) -> Surge:
    settings = load_settings().model_copy(update={"embedded_dir": EMBEDDED_DIR})
    with servers(settings) as urls:
        await with_used_segments(urls.database_url)
        progress.print(f"Preparing {options.shape.size}.")
        async with prepared(urls.database_url, options.shape) as database_url:
            return await measure(settings_on(settings, urls, database_url), options)


def show(surge: Surge, *, as_json: bool) -> None:
    if as_json:
        phases = {name: asdict(phase) for name, phase in surge.phases.items()}
        print(json.dumps({"phases": phases, "goals": [goal.document() for goal in surge.goals]}, indent=2))
        return
    console = answer_console()
    table = Table(title="What the application notices of a run when it does more at once")
    for heading in ("", *HEADINGS, "rows/s"):
        table.add_column(heading, justify="right" if heading else "left")
    for name in (USUAL_ALONE, USUAL, SURGE_ALONE, FIRST, AFTER):
        rows = surge.rows_per_second.get(name)
        table.add_row(name, *cells(surge.phases[name]), "" if rows is None else f"{rows:,.0f}")
    console.print(table)
    show_goals(console, surge.goals)


def options_from(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=500_000, help="default: %(default)s")
    parser.add_argument("--projects", type=int, default=50_000, help="default: %(default)s")
    parser.add_argument("--transactions-per-second", type=int, default=40, help="as usual, default: %(default)s")
    parser.add_argument("--times", type=int, default=5, help="as many in the surge, default: %(default)s")
    parser.add_argument("--connections", type=int, default=8, help="of the application, default: %(default)s")
    parser.add_argument("--seconds", type=float, default=12.0, help="of each phase, default: %(default)s")
    parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON document on stdout")
    given = parser.parse_args(arguments)
    return Options(
        shape=OldDataShape(projects=given.projects, generations=given.generations),
        usual=given.transactions_per_second,
        times=given.times,
        connections=given.connections,
        seconds=given.seconds,
        as_json=given.as_json,
    )


def tell() -> None:
    options = options_from(sys.argv[1:])
    show(asyncio.run(benchmark(options, answer_console(stderr=True))), as_json=options.as_json)


if __name__ == "__main__":
    sys.exit(ended(tell))
