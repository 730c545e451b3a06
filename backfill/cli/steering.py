"""One command's stay with the runs: read the settings, open Redis, do the work, close. No database is needed."""

from __future__ import annotations

import asyncio
import getpass
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import typer

from backfill.cli.output import say
from backfill.engine.steering import Steering
from backfill.late_logging import setup_logging_when_needed
from backfill.opening import for_an_operator, open_steering
from backfill.settings import Settings, load_settings

INTERRUPTED = 130

Answer = TypeVar("Answer")


def with_runs(
    work: Callable[[Steering], Awaitable[Answer]], *, if_interrupted: Callable[[], str] = lambda: ""
) -> Answer:
    """What `work` returns. Ctrl-C ends the command with 130, after saying what `if_interrupted` gives."""
    settings = load_settings()
    setup_logging_when_needed(settings.log_level, settings.log_format)
    return to_its_end(_with_runs(settings, work), if_interrupted)


def to_its_end(work: Coroutine[Any, Any, Answer], if_interrupted: Callable[[], str] = lambda: "") -> Answer:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        if words := if_interrupted():
            say(words)
        raise typer.Exit(INTERRUPTED) from None


async def _with_runs(settings: Settings, work: Callable[[Steering], Awaitable[Answer]]) -> Answer:
    async with open_steering(for_an_operator(settings)) as runs:
        return await work(runs)


def who_asks() -> str:
    """Who is at the keyboard, for the run's record: `cli:<account>@<host>`."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # an account id without a name, as in many containers
        account = "unknown"
    return f"cli:{account}@{socket.gethostname()}"
