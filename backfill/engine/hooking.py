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

from backfill.engine.entries import Entry, Outbox
from backfill.engine.guard import told_by_class
from backfill.engine.outbox import LOOK_EVERY_SECONDS, Lost, kept, turn_by_turn
from backfill.engine.protocols import Store
from backfill.engine.serving import Serving
from backfill.runs.errors import RedisUnreachable
from backfill.runs.record import Run

Hook = Callable[[Run], Awaitable[None]] | Callable[[Run], None]

MOST_TRIES = 5

log = structlog.get_logger(__name__)


class HookSet(Protocol):
    """What a definition wants to be told; `seconds` that one call may take."""

    @property
    def seconds(self) -> float: ...

    def named(self, name: str) -> Hook | None: ...


class _Final(Exception):
    """It may not be called again."""


class _Late(Exception):
    """It was broken off."""


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
        async def turn() -> bool:
            return backfill in self.serving.served and await self.turn(backfill)

        await turn_by_turn(turn, f"hooks of {backfill}", self.stopping, self.look_every_seconds)

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
            await kept(self.outbox, entry, self._call(hook, run))
        except Lost:
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

    async def _call(self, hook: Hook, run: Run) -> None:
        """Raises what the hook raises; _Late, or _Final where it goes on all the same."""
        seconds = self.hooks[run.backfill].seconds
        if iscoroutinefunction(hook):
            await _within(hook(run), seconds)
            return
        answer = in_thread(lambda: hook(run))
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


def in_thread(call: Callable[[], object]) -> asyncio.Future[object]:
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
