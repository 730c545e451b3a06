"""Tells a receiver what happens to runs: signed, in order, at least once, for as long as it does not take it.

Any worker that serves the backfill tells, one at a time. While the receiver does not answer, the entry is kept and sent
again with more and more time in between; what comes after it waits. Nothing of it is the run's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from backfill.engine.entries import Entry, Outbox
from backfill.engine.outbox import LOOK_EVERY_SECONDS, Lost, kept, let_pass, turn_by_turn
from backfill.engine.protocols import Store
from backfill.engine.serving import Serving
from backfill.runs.notices import event_of, run_as_told, sentence_for
from backfill.runs.record import Run
from backfill.runs.times import timestamp

# After that nobody is helped by it any more.
OLDEST_MS = 7 * 86_400_000
LONGEST_WAIT_SECONDS = 60.0

log = structlog.get_logger(__name__)

Send = Callable[[str, bytes], Awaitable[None]]


class NotTaken(Exception):
    """The receiver does not answer, or not with a status of 2xx. The text is for an operator, and tells no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifying:
    """`run` for as long as a worker is alive. `send` gets the delivery's id and its body, and raises NotTaken.

    `stopping` ends it between two attempts; what was not taken then is another worker's to send.
    """

    outbox: Outbox
    store: Store
    serving: Serving
    backfills: Sequence[str]
    send: Send
    stopping: asyncio.Event
    look_every_seconds: float = LOOK_EVERY_SECONDS
    first_wait_seconds: float = 1.0

    async def run(self) -> None:
        await asyncio.gather(*(self._of_backfill(name) for name in self.backfills))

    async def _of_backfill(self, backfill: str) -> None:
        async def turn() -> bool:
            return backfill in self.serving.served and await self.turn(backfill)

        await turn_by_turn(turn, f"notifications of {backfill}", self.stopping, self.look_every_seconds)

    async def turn(self, backfill: str) -> bool:
        """Whether there was an entry to take."""
        entry = await self.outbox.take(backfill)
        if entry is None:
            return False
        event = event_of(entry.action, entry.state)
        run = await self.store.get(entry.run_id) if event else None
        if event is None or run is None:
            await self.outbox.done(entry)
            return True
        left_seconds = (entry.at_ms + OLDEST_MS - run.seen_ms) / 1000
        try:
            await kept(self.outbox, entry, self._sent(entry, event, run, left_seconds))
        except Lost:
            return True
        except NotTaken as error:
            if self.stopping.is_set():
                return True
            log.error("notification given up", run=run.id, told=event, reason=str(error))
            await self._tell(entry, event, error, given_up=True)
        else:
            log.info("notification taken", run=run.id, told=event)
        await self.outbox.done(entry)
        return True

    async def _sent(self, entry: Entry, event: str, run: Run, left_seconds: float) -> None:
        body = json.dumps(document_of(entry, event, run), ensure_ascii=False).encode()

        async def note(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            log.warning("notification not taken", run=run.id, told=event, tries=state.attempt_number, reason=str(error))
            if state.attempt_number == 1:
                await self._tell(entry, event, error, given_up=False)

        def over(state: RetryCallState) -> bool:
            return self.stopping.is_set() or (state.seconds_since_start or 0.0) >= left_seconds

        attempts = AsyncRetrying(
            retry=retry_if_exception_type(NotTaken),
            wait=wait_random_exponential(multiplier=self.first_wait_seconds, max=LONGEST_WAIT_SECONDS),
            stop=over,
            sleep=lambda seconds: let_pass(self.stopping, seconds),
            before_sleep=note,
            reraise=True,
        )
        await attempts(self.send, delivery_of(entry), body)

    async def _tell(self, entry: Entry, event: str, error: BaseException | None, *, given_up: bool) -> None:
        about = {"told": event, "error": str(error), "given_up": str(int(given_up))}
        await self.outbox.tell(entry, "webhook", about)


def delivery_of(entry: Entry) -> str:
    """The same for every attempt, and for no other event: what a receiver knows a repetition by."""
    return f"{entry.backfill}:{entry.id}"


def document_of(entry: Entry, event: str, run: Run) -> dict[str, Any]:
    about = {"from": entry.source, "state": entry.state, "who": entry.who, "note": entry.note}
    return {
        "id": delivery_of(entry),
        "event": event,
        "at": timestamp(entry.at_ms),
        "sentence": sentence_for(entry.action, about),
        "by": entry.who,
        "run": run_as_told(run),
    }
