"""`backfill demo`: the whole job on made-up data, with an application that keeps writing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Annotated, Any

import typer

from config.logging import setup_logging
from config.settings import Settings, load_settings
from worker.cli.options import Json
from worker.cli.output import say, write_json
from worker.demo.narration import Narrator
from worker.demo.old_application import Traffic
from worker.demo.old_data import OldDataShape
from worker.demo.report import Report
from worker.demo.scenario import Scenario, perform
from worker.demo.tables import show, show_next_steps
from worker.runs.errors import RunFailed
from worker.runs.pace import BOUNDS
from worker.wiring import servers

INTERRUPTING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _size(meaning: str) -> typer.models.OptionInfo:
    info: typer.models.OptionInfo = typer.Option(min=0, help=meaning, rich_help_panel="Sizes")
    return info


def _pace(name: str, meaning: str) -> typer.models.OptionInfo:
    low, high = BOUNDS[name]
    info: typer.models.OptionInfo = typer.Option(min=low, max=high, help=meaning, rich_help_panel="Pace of the run")
    return info


def _switch(flags: str, meaning: str) -> typer.models.OptionInfo:
    info: typer.models.OptionInfo = typer.Option(flags, help=meaning, rich_help_panel="Course")
    return info


Projects = Annotated[int, _size("Projects.")]
Generations = Annotated[int, _size("Generations in them.")]
Seed = Annotated[int, _size("The same number makes the same data.")]
Connections = Annotated[int, _size("The application's connections.")]
Rate = Annotated[float, _size("The application's transactions per second; 0: as many as it can.")]
Baseline = Annotated[float, _size("How long to look at the application alone, before.")]
After = Annotated[float, _size("How long to look at the application when all is done.")]
WithTraffic = Annotated[bool, _switch("--with-traffic/--without-traffic", "An application writes all the time.")]
WithKill = Annotated[bool, _switch("--with-kill/--without-kill", "The worker is killed with -9 and replaced.")]
KillAt = Annotated[int, typer.Option(min=0, max=99, help="Per cent of the rows at which.", rich_help_panel="Course")]
Keep = Annotated[bool, _switch("--keep/--no-keep", "Leave the data there, to look at it.")]
Parallel = Annotated[int | None, _pace("parallel", "As for `backfill enqueue`.")]
RowsPerSecond = Annotated[int | None, _pace("rows_per_second", "As for `backfill enqueue`.")]


def demo(  # noqa: PLR0917 - typer passes options by name
    projects: Projects = 20_000,
    generations: Generations = 200_000,
    seed: Seed = 1,
    connections: Connections = 4,
    transactions_per_second: Rate = 100.0,
    baseline_seconds: Baseline = 8.0,
    after_seconds: After = 5.0,
    traffic: WithTraffic = True,
    kill: WithKill = True,
    kill_at: KillAt = 40,
    keep: Keep = True,
    parallel: Parallel = None,
    rows_per_second: RowsPerSecond = None,
    json: Json = False,
) -> None:
    """See the whole job on made-up data: migration and backfill under an application that keeps writing.

    Without DATABASE_URL and REDIS_URL it takes place on the embedded servers, and every other command then finds what
    it left. On servers of yours it makes a database of its own, codebegen_demo. It destroys nothing but what an earlier
    demo has left. Exit code 0: all is verified, and the application saw no error; else 3.
    """
    settings = load_settings()
    setup_logging("WARNING", settings.log_format)
    writing = Traffic(connections=connections, transactions_per_second=transactions_per_second, seed=seed)
    scenario = Scenario(
        shape=OldDataShape(projects=projects, generations=generations, seed=seed),
        traffic=writing if traffic else None,
        parallel=parallel,
        rows_per_second=rows_per_second,
        kill_at=kill_at / 100 if kill else None,
        baseline_seconds=baseline_seconds,
        after_seconds=after_seconds,
        keep=keep,
    )
    narrator = Narrator(json=json)
    report = _perform(scenario, settings, narrator)
    _conclude(report, narrator, keep=keep, json=json)


def _perform(scenario: Scenario, settings: Settings, narrator: Narrator) -> Report:
    """Interrupted, it first ends whatever it has started, then exits with the code that a shell gives."""
    received: list[signal.Signals] = []
    try:
        with servers(settings) as given:
            return asyncio.run(_interruptible(perform(scenario, settings, given, narrator), received))
    except KeyboardInterrupt:  # before there was anything to end
        received.append(signal.SIGINT)
    except asyncio.CancelledError:
        if not received:
            raise
    say("Interrupted. Whatever the demo had started has ended.")
    raise typer.Exit(128 + received[0])


async def _interruptible(work: Coroutine[Any, Any, Report], received: list[signal.Signals]) -> Report:
    """The first signal cancels; those after it change nothing, because what they ask for is going on already."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)

    def interrupt(number: signal.Signals) -> None:
        if not received:
            received.append(number)
            task.cancel()

    for number in INTERRUPTING:
        loop.add_signal_handler(number, interrupt, number)
    return await task


def _conclude(report: Report, narrator: Narrator, *, keep: bool, json: bool) -> None:
    show(narrator, report)
    if keep:
        show_next_steps(narrator, report)
    if json:
        write_json(report.document())
    if report.shortcomings:
        raise RunFailed(f"The demo did not go as promised: {'; '.join(report.shortcomings)}.")
