"""Calls the hooks of definitions: for every transition of a run, in order, at least once, by one worker at a time.

    take the next entry of the outbox -> call the hook, and say meanwhile that it is being called -> done

What was not done is taken again, by whoever comes first, a few times with more and more time between them. Nothing of
it is the run's: a hook that fails is told in its events, and that is all.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import isawaitable, iscoroutinefunction
from typing import Protocol

import structlog

from backfill.engine.guard import told_by_class
from backfill.engine.protocols import Store
from backfill.engine.serving import Serving
from backfill.runs.errors import RedisUnreachable
from backfill.runs.record import Run

Hook = Callable[[Run], Awaitable[None]] | Callable[[Run], None]

MOST_TRIES = 5
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
    nobody). `tries` counts how often it was taken, this time included."""

    id: str
    tries: int
    run_id: str
    backfill: str
    action: str
    source: str
    state: str
    at_ms: int
    who: str

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


class HookSet(Protocol):
    """What a definition wants to be told; `seconds` that one call may take."""

    @property
    def seconds(self) -> float: ...

    def named(self, name: str) -> Hook | None: ...


class _Final(Exception):
    """It may not be called again."""


class _Late(Exception):
    """It was broken off."""


class _Lost(Exception):
    """The entry is another reader's by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooking:
    """`run` for as long as a worker is alive. `stopping` ends it after the call in flight."""

    outbox: Outbox
    store: Store
    serving: Serving
    hooks: Mapping[str, HookSet]
    stopping: asyncio.Event
    look_every_seconds: float = LOOK_EVERY_SECONDS

    async def run(self) -> None:
        await asyncio.gather(*(self._of_backfill(name) for name in self.hooks))

    async def _of_backfill(self, backfill: str) -> None:
        while not self.stopping.is_set():
            try:
                found = backfill in self.serving.served and await self.turn(backfill)
            except RedisUnreachable as error:
                log.debug("hooks postponed", backfill=backfill, reason=str(error))
                found = False
            except Exception as error:  # noqa: BLE001 - whatever it is, the next entry is to be looked at as well
                log.warning("hooks postponed", backfill=backfill, reason=told_by_class("the worker's own code", error))
                found = False
            if not found:
                await _pass(self.stopping, self.look_every_seconds)

    async def turn(self, backfill: str) -> bool:
        """Whether there was an entry to take."""
        entry = await self.outbox.take(backfill)
        if entry is None:
            return False
        hook = self.hooks[backfill].named(entry.hook) if entry.hook else None
        run = await self.store.get(entry.run_id) if hook else None
        if hook is None or run is None:
            await self.outbox.done(entry)
            return True
        try:
            await self._kept(entry, self._call(hook, run))
        except _Lost:
            return True
        except RedisUnreachable:
            raise
        except Exception as error:  # noqa: BLE001 - an author's code may raise anything
            await self._failed(entry, self._words(entry, error), is_final=isinstance(error, _Final))
        else:
            log.info("hook called", run=entry.run_id, hook=entry.hook, tries=entry.tries)
            await self.outbox.done(entry)
        return True

    async def _failed(self, entry: Entry, error: str, *, is_final: bool) -> None:
        given_up = is_final or entry.tries >= MOST_TRIES
        log.warning("hook failed", run=entry.run_id, hook=entry.hook, reason=error, given_up=given_up)
        about = {"hook": entry.hook or "", "error": error, "tries": str(entry.tries), "given_up": str(int(given_up))}
        await self.outbox.tell(entry, "hook", about)
        if given_up:
            await self.outbox.done(entry)

    def _words(self, entry: Entry, error: Exception) -> str:
        seconds = self.hooks[entry.backfill].seconds
        if isinstance(error, _Final):
            return f"{entry.hook} has not come back within {seconds:g} seconds, and cannot be broken off"
        if isinstance(error, _Late):
            return f"{entry.hook} did not come back within {seconds:g} seconds"
        return told_by_class(str(entry.hook), error)

    async def _kept(self, entry: Entry, call: Awaitable[None]) -> None:
        """Says all the while that the entry is being worked on. Raises _Lost."""
        calling = asyncio.ensure_future(call)
        try:
            while not calling.done():
                await asyncio.wait([calling], timeout=KEEP_EVERY_SECONDS)
                if not calling.done() and not await self.outbox.keep(entry):
                    raise _Lost
        finally:
            calling.cancel()
        await calling

    async def _call(self, hook: Hook, run: Run) -> None:
        """Raises what the hook raises; _Late, or _Final where it goes on all the same."""
        seconds = self.hooks[run.backfill].seconds
        if iscoroutinefunction(hook):
            await _within(hook(run), seconds)
            return
        answer = _in_thread(lambda: hook(run))
        done, _ = await asyncio.wait([answer], timeout=seconds)
        if not done:
            raise _Final
        if isawaitable(told := answer.result()):
            await _within(told, seconds)


async def _within(call: Awaitable[object], seconds: float) -> None:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await call
    except TimeoutError:
        if limit.expired():
            raise _Late from None
        raise


def _in_thread(call: Callable[[], object]) -> asyncio.Future[object]:
    """In a thread that keeps no process from ending, unlike those of the loop's own pool."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[object] = loop.create_future()

    def settle(result: object, error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    def work() -> None:
        result, failed = None, None
        try:
            result = call()
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            failed = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=work, daemon=True, name="hook").start()
    return answer


async def _pass(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
