"""Arguments and options that several commands share, each declared once."""

from __future__ import annotations

from typing import Annotated

import typer

from backfill.cli.completion import complete_backfills, complete_runs
from backfill.runs.pace import BOUNDS


def _pace_option(name: str, meaning: str) -> typer.models.OptionInfo:
    low, high = BOUNDS[name]
    option: typer.models.OptionInfo = typer.Option(help=f"{meaning}: {low} to {high}.")
    return option


RunId = Annotated[
    str | None,
    typer.Argument(metavar="RUN", help="The run's id; without it, the latest run.", autocompletion=complete_runs),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else there.")]
NoteText = Annotated[
    str | None,
    typer.Option("--note", metavar="TEXT", help="A line to remember why; kept with the run and in its events."),
]
BackfillChoice = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME", help="Which backfill; not needed while there is one.", autocompletion=complete_backfills
    ),
]
BackfillName = Annotated[
    str | None,
    typer.Option(
        "--backfill",
        metavar="NAME",
        help="Which backfill; not needed while there is one.",
        autocompletion=complete_backfills,
    ),
]

NameOrOnly = Annotated[
    str | None, typer.Argument(metavar="NAME", help="The backfill; may be left out where there is one.")
]

Parallel = Annotated[int | None, _pace_option("parallel", "Ranges worked on at once, over all workers")]
BatchRows = Annotated[int | None, _pace_option("batch_rows", "Rows that a transaction writes at most")]
TargetMs = Annotated[int | None, _pace_option("target_ms", "Milliseconds that a transaction should take")]
PauseMs = Annotated[int | None, _pace_option("pause_ms", "Milliseconds of rest after every transaction")]
RowsPerSecond = Annotated[
    int | None, _pace_option("rows_per_second", "Rows per second at most, over all workers, 0 for no limit")
]
Mode = Annotated[
    str | None,
    typer.Option(
        "--pace",
        metavar="autopilot|fixed",
        help="autopilot watches the database and does at most what the other options say; fixed does just that.",
    ),
]


WindowText = Annotated[
    str | None,
    typer.Option(
        "--window", metavar="HOURS", help="When it works: mon-fri 22:00-06:00 Europe/Vienna, say; always: at any time."
    ),
]
NotBefore = Annotated[
    str | None,
    typer.Option(
        "--not-before", metavar="MOMENT", help="The earliest moment to begin: 2027-03-01T22:00+01:00, or now."
    ),
]


def pace_changes(*values: int | None) -> dict[str, int | None]:
    """The five options of the pace, in the order of BOUNDS, by name."""
    return dict(zip(BOUNDS, values, strict=True))
