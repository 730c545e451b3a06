"""One command's stay with the service: read the settings, open, do the work, close.

What needs no database has a shorter stay: `backfill.cli.steering`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from backfill.cli.steering import to_its_end
from backfill.engine.contracts import Backfills
from backfill.logging import setup_logging
from backfill.opening import for_an_operator
from backfill.settings import Settings, load_settings
from backfill.wiring import Service, open_backfills, open_service

APPLICATION_NAME = "backfill-cli"

Answer = TypeVar("Answer")


def with_service(
    work: Callable[[Service], Awaitable[Answer]], *, if_interrupted: Callable[[], str] = lambda: ""
) -> Answer:
    """What `work` returns. Ctrl-C ends the command with 130, after saying what `if_interrupted` gives."""
    settings = load_settings()
    setup_logging(settings.log_level, settings.log_format)
    return to_its_end(_in_session(settings, work), if_interrupted)


def with_backfills(work: Callable[[Backfills], Awaitable[Answer]], adapt: Callable[[Settings], Settings]) -> Answer:
    """The same for what needs the database and no Redis; `adapt` gives the settings to open it with."""
    settings = load_settings()
    setup_logging(settings.log_level, settings.log_format)
    return to_its_end(_on_database(adapt(settings), work))


async def _on_database(settings: Settings, work: Callable[[Backfills], Awaitable[Answer]]) -> Answer:
    async with open_backfills(settings, application_name=APPLICATION_NAME) as backfills:
        return await work(backfills)


async def _in_session(settings: Settings, work: Callable[[Service], Awaitable[Answer]]) -> Answer:
    async with open_service(for_an_operator(settings), application_name=APPLICATION_NAME) as service:
        return await work(replace(service, settings=settings))
