"""The command `backfill`: its subcommands, and what an error looks like to whoever typed it.

An operator's error is one sentence on stderr and its own exit code. Anything else that escapes is a bug: Python
shows its traceback and exits with 1. Tracebacks are the plain ones, because the decorated ones show local
variables, and with them secrets.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from worker.cli.commands import acting, checking, completing, looking, previewing, serving, starting, tokens
from worker.cli.demo import demo
from worker.cli.output import say
from worker.runs.errors import OperatorError

ABOUT = "Fill in the version, storage path and active flag of every generation while the application keeps writing."

EPILOG = """
A first run, the worker in a terminal of its own:

$ alembic upgrade head
$ arq worker.main.WorkerSettings
$ backfill enqueue generation-versions
$ backfill watch

RUN is the latest run where it is left out. With --json, stdout holds JSON only.

Exit codes:
0 done
1 a bug; please report the traceback
2 wrong usage or settings
3 the run failed, was cancelled or is paused, or the verification failed
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
        help=ABOUT,
        epilog=EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for panel, commands in _commands().items():
        for name, (command, example) in commands.items():
            app.command(name, epilog=f"Example: {example}", rich_help_panel=panel)(command)
    return app


def _commands() -> dict[str, dict[str, tuple[Callable[..., None], str]]]:
    """Every command with an example, by the panel of `--help` that it stands in."""
    return {
        "Runs": {
            "enqueue": (starting.enqueue, "backfill enqueue generation-versions --parallel 4 --pause-ms 20"),
            "status": (looking.status, "backfill status --all"),
            "watch": (looking.watch, "backfill watch --json | jq .progress.fraction"),
            "wait": (looking.wait, "backfill wait --for 50% --for paused --timeout 600"),
            "pause": (acting.pause, "backfill pause --note CHG-1044 && backfill wait --for paused"),
            "resume": (acting.resume, "backfill resume && backfill watch"),
            "cancel": (acting.cancel, "backfill cancel && backfill status"),
            "retry": (acting.retry, "backfill retry && backfill wait"),
            "set": (starting.set_pace, "backfill set --parallel 1 --rows-per-second 2000"),
            "events": (looking.events, "backfill events --json | jq .events[-1]"),
        },
        "Checks": {
            "preview": (previewing.preview, "backfill preview --parallel 4 --json | jq .forecast.seconds"),
            "verify": (checking.verify, "backfill verify || backfill verify --json | jq .rules"),
            "doctor": (checking.doctor, "backfill doctor"),
            "schema": (completing.schema, "backfill schema && backfill schema --apply"),
        },
        "Demo": {
            "demo": (demo, "backfill demo --projects 2000 --generations 20000"),
        },
        "Service": {
            "serve": (serving.serve, "backfill serve --port 8080"),
            "token": (tokens.token, "backfill token grafana >> grafana.secret"),
        },
    }


def main() -> None:
    try:
        build_app()(prog_name="backfill")
    except OperatorError as error:
        say(f"error: {error}")
        sys.exit(error.exit_code)
