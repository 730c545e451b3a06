"""`backfill demo`: the whole job on made-up data, with an application that keeps writing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from backfill.cli.options import Json
from backfill.runs.pace import BOUNDS

if TYPE_CHECKING:
    from worker.demo.old_data import OldDataShape


def _size(meaning: str) -> typer.models.OptionInfo:
    info: typer.models.OptionInfo = typer.Option(min=0, metavar="N", help=meaning, rich_help_panel="Sizes")
    return info


def _pace(name: str, meaning: str) -> typer.models.OptionInfo:
    low, high = BOUNDS[name]
    info: typer.models.OptionInfo = typer.Option(
        min=low, max=high, metavar="N", help=meaning, rich_help_panel="Pace of the run"
    )
    return info


def _switch(flags: str, meaning: str) -> typer.models.OptionInfo:
    info: typer.models.OptionInfo = typer.Option(flags, help=meaning, rich_help_panel="Course")
    return info


Projects = Annotated[int | None, _size("Projects; 20 000 unless it is given, with --files 300.")]
Generations = Annotated[int | None, _size("Generations in them; 200 000, with --files 3 000.")]
Seed = Annotated[int, _size("The same number makes the same data.")]
Connections = Annotated[int, _size("The application's connections.")]
Rate = Annotated[float, _size("Its transactions per second; 0: as many as it can.")]
Baseline = Annotated[float, _size("Seconds of the application alone, to compare with.")]
After = Annotated[float, _size("Seconds of the application when all is done.")]
WithTraffic = Annotated[bool, _switch("--with-traffic/--without-traffic", "An application writes all the time.")]
WithKill = Annotated[bool, _switch("--with-kill/--without-kill", "The worker is killed with -9 and replaced.")]
KillAt = Annotated[
    int, typer.Option(min=0, max=99, metavar="N", help="When: per cent of the rows.", rich_help_panel="Course")
]
WithFiles = Annotated[bool, _switch("--files/--no-files", "One more act: files, brought over into a new layout.")]
Keep = Annotated[bool, _switch("--keep/--no-keep", "Leave the data there, to look at it.")]
Parallel = Annotated[int | None, _pace("parallel", "As of `backfill enqueue`.")]
RowsPerSecond = Annotated[int | None, _pace("rows_per_second", "As of `backfill enqueue`.")]


def demo(  # noqa: PLR0917 - typer passes options by name
    projects: Projects = None,
    generations: Generations = None,
    seed: Seed = 1,
    connections: Connections = 4,
    transactions_per_second: Rate = 100.0,
    baseline_seconds: Baseline = 8.0,
    after_seconds: After = 5.0,
    traffic: WithTraffic = True,
    kill: WithKill = True,
    kill_at: KillAt = 40,
    files: WithFiles = False,
    keep: Keep = True,
    parallel: Parallel = None,
    rows_per_second: RowsPerSecond = None,
    json: Json = False,
) -> None:
    """See the whole job on made-up data: migration and backfill under an application that keeps writing.

    Without DATABASE_URL and REDIS_URL: on the embedded servers, where every other command then finds what it left.
    With them: in a database of its own beside yours, codebegen_demo. It destroys only what an earlier demo has left.

    It exits with 0 only if everything is verified and the application saw no error.
    """
    from worker.demo.old_application import Traffic  # noqa: PLC0415 - a tenth of every command's start
    from worker.demo.performance import give_demo  # noqa: PLC0415
    from worker.demo.scenario import Scenario  # noqa: PLC0415

    writing = Traffic(connections=connections, transactions_per_second=transactions_per_second, seed=seed)
    scenario = Scenario(
        shape=_shape(projects, generations, seed, files=files),
        traffic=writing if traffic else None,
        pace={"parallel": parallel, "rows_per_second": rows_per_second},
        kill_at=kill_at / 100 if kill else None,
        baseline_seconds=baseline_seconds,
        after_seconds=after_seconds,
        files=files,
        keep=keep,
    )
    give_demo(scenario, json=json)


def _shape(projects: int | None, generations: int | None, seed: int, *, files: bool) -> OldDataShape:
    """Files take longer than rows."""
    from worker.demo.old_data import OldDataShape  # noqa: PLC0415 - as above

    usual_projects, usual_generations = (300, 3_000) if files else (20_000, 200_000)
    return OldDataShape(
        projects=usual_projects if projects is None else projects,
        generations=usual_generations if generations is None else generations,
        seed=seed,
    )
