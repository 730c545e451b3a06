"""Readers of an outbox: each transition of a run, in order, at least once, by one reader of a group at a time.

    take the next entry -> do what is to be done, and say meanwhile that it is being done -> done

What was not done is taken again, by whoever comes first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from backfill.engine.entries import Entry, Outbox
from backfill.engine.guard import told_by_class
from backfill.runs.errors import RedisUnreachable

LOOK_EVERY_SECONDS = 1.0
# Well within the silence after which an entry is another's.
KEEP_EVERY_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Lost(Exception):
    """The entry is another reader's by now."""


async def kept(outbox: Outbox, entry: Entry, call: Awaitable[None]) -> None:
    """Says all the while that the entry is being worked on. Raises Lost, and what the call raises."""
    calling = asyncio.ensure_future(call)
    try:
        while not calling.done():
            await asyncio.wait([calling], timeout=KEEP_EVERY_SECONDS)
            if not calling.done() and not await outbox.keep(entry):
                raise Lost
    finally:
        calling.cancel()
    await calling


async def turn_by_turn(
    turn: Callable[[], Awaitable[bool]], what: str, stopping: asyncio.Event, every_seconds: float
) -> None:
    """Until it is to stop; `turn` says whether there was anything, else it is asked again after a while."""
    while not stopping.is_set():
        try:
            found = await turn()
        except RedisUnreachable as error:
            log.debug("reading the outbox postponed", of=what, reason=str(error))
            found = False
        except Exception as error:  # noqa: BLE001 - whatever it is, the next entry is to be looked at as well
            log.warning("reading the outbox postponed", of=what, reason=told_by_class("the worker's own code", error))
            found = False
        if not found:
            await let_pass(stopping, every_seconds)


async def let_pass(stopping: asyncio.Event, seconds: float) -> None:
    """So long, or until it is to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
