"""Readers of an outbox: each transition of a run, in order, at least once, by one reader of a group at a time.

    take the next entry -> do what is to be done, and say meanwhile that it is being done -> done

What was not done is taken again, by whoever comes first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from backfill.engine.guard import told_by_class
from backfill.runs.errors import RedisUnreachable

LOOK_EVERY_SECONDS = 1.0
# Well within the silence after which an entry is another's.
KEEP_EVERY_SECONDS = 2.0
_AFTER_STATE = {
    "paused": "after_pause",
    "succeeded": "after_success",
    "failed": "after_failure",
    "cancelled": "after_cancel",
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A transition: `action` led from `source` ('' at the beginning) to `state`, asked for by `who` ('' or `engine`: by
    nobody). Or, with the state that it was in, something else to be told. `note` is a reason. `tries` counts how often
    it was taken, this time included."""

    id: str
    tries: int
    run_id: str
    backfill: str
    action: str
    source: str
    state: str
    at_ms: int
    who: str
    note: str = ""

    @property
    def hook(self) -> str | None:
        """The name of the hook that is for it."""
        return "after_start" if self.action == "start" else _AFTER_STATE.get(self.state)


class Outbox(Protocol):
    """One reader's view. An entry that was taken is this reader's until it is silent for a while."""

    async def take(self, backfill: str) -> Entry | None: ...

    async def keep(self, entry: Entry) -> bool:
        """Whether it is still this reader's."""
        ...

    async def done(self, entry: Entry) -> None: ...

    async def tell(self, entry: Entry, kind: str, about: dict[str, str]) -> None:
        """As an event of its run."""
        ...


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
