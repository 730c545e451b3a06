"""The command `backfill`: its subcommands, and what an error looks like to whoever typed it.

An operator's error is one sentence on stderr and its own exit code. Anything else that escapes is a bug: Python
shows its traceback and exits with 1. Tracebacks are the plain ones, because the decorated ones show local
variables, and with them secrets.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from backfill.cli.lazy import group_of
from backfill.cli.output import say
from backfill.cli.table import commands
from backfill.runs.errors import OperatorError
from backfill.shipped import start_a_worker

ABOUT = "Fill in columns of a live database in small, resumable batches, verified to the end."

EPILOG = """
A first run, the worker in a terminal of its own:

$ alembic upgrade head
$ {start_a_worker}
$ backfill enqueue
$ backfill watch

RUN is the latest run where it is left out. With --json, stdout holds JSON only.

Exit codes:
0 done
1 a bug; please report the traceback
2 wrong usage or settings
3 the run failed, was cancelled, is paused or waits for an approval, or the verification failed
4 no such run or backfill
5 the state of the run does not allow it
6 the schema is not ready
7 Postgres or Redis cannot be reached
8 the wait timed out
130 interrupted
"""


def build_app() -> typer.Typer:
    app = typer.Typer(
        name="backfill",
        cls=group_of(commands()),
        help=ABOUT,
        epilog=EPILOG.format(start_a_worker=start_a_worker()),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    return app


def _tell_versions(wanted: bool) -> None:
    if wanted:
        from backfill.cli.versions import versions  # noqa: PLC0415 - no command needs it

        typer.echo(versions())
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_versions, is_eager=True, help="Show the version and what it runs on."),
    ] = False,
) -> None:
    del version


def main() -> None:
    try:
        build_app()(prog_name="backfill")
    except OperatorError as error:
        say(f"error: {error}")
        sys.exit(error.exit_code)
