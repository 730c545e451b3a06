"""Live events: one poller looks at every run that somebody watches, and hands what it saw to all of its watchers.

However many watch, a run costs Redis the same few reads per look, and a message is encoded once. A watcher has a short
queue; one that does not read is dropped when it is full, so nobody's slowness is kept in memory. It may come back with
the id of the last event that it saw, and gets those it missed.

    snapshot (the run)  ->  change (an event with its id) | progress (the run)  ->  end, when the run is at rest

While nobody can look, watchers are told so once (late), and what they see is what there was; the next progress ends it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import structlog
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from backfill.engine.control import Control
from backfill.engine.protocols import Event
from backfill.engine.steering import event_document
from backfill.http.patience import within
from backfill.runs.errors import OperatorError, RedisUnreachable, TooManyStreams, UnknownRun
from backfill.runs.record import Run, run_document
from backfill.runs.states import AT_REST

LOOK_EVERY_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
LOOK_WITHIN_SECONDS = 1.5
QUEUE_MESSAGES = 64
RETRY_MS = 2_000

_EVENT_ID = re.compile(r"\d{1,20}-\d{1,20}")

log = structlog.get_logger(__name__)


class Stream:
    """One watcher's queue."""

    def __init__(self, first: bytes) -> None:
        self._first = first
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=QUEUE_MESSAGES)
        self.missed: tuple[bytes, ...] = ()

    def offer(self, message: bytes | None) -> bool:
        """None: nothing follows. False: the watcher does not keep up, and gets no more."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self._queue.get_nowait()
            self._queue.put_nowait(None)
            return False
        return True

    async def messages(self) -> AsyncIterator[bytes]:
        yield self._first
        for message in self.missed:
            yield message
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    following = await self._queue.get()
            except TimeoutError:
                yield KEEPALIVE_COMMENT
                continue
            if following is None:
                return
            yield following


@dataclass(slots=True)
class _Watched:
    """A run that is watched, as it was when the poller last looked."""

    run_id: str
    last_id: str = "0"
    seen: str = ""
    at_rest: str | None = None
    late: bytes | None = None
    streams: set[Stream] = field(default_factory=set)

    def snapshot(self) -> bytes:
        return format_sse_event(data_str=self.seen, event="snapshot", id=self.last_id, retry=RETRY_MS)

    def note(self, run: Run, events: tuple[Event, ...]) -> list[bytes]:
        """What its watchers are to be told."""
        told = [_change(event) for event in events]
        seen = _encoded(run)
        if seen != self.seen or self.late:
            told.append(format_sse_event(data_str=seen, event="progress"))
        self.seen, self.late = seen, None
        self.last_id = events[-1].id if events else self.last_id
        self.at_rest = run.state.value if run.state in AT_REST else None
        return told

    def note_late(self, error: OperatorError) -> list[bytes]:
        if self.late:
            return []
        log.warning("live events are late", run=self.run_id, reason=str(error))
        problem = {"type": f"/problems/{error.slug}", "detail": str(error)}
        self.late = format_sse_event(data_str=json.dumps(problem), event="late")
        return [self.late]


class LiveRuns:
    """The watchers of this process: at most `most_streams` of them."""

    def __init__(self, control: Control, *, most_streams: int, look_every_seconds: float = LOOK_EVERY_SECONDS) -> None:
        self._control = control
        self._most_streams = most_streams
        self._look_every_seconds = look_every_seconds
        self._watched: dict[str, _Watched] = {}
        self._open = 0
        self._poller: asyncio.Task[None] | None = None

    async def subscribe(self, run_id: str, last_event_id: str | None) -> Stream | None:
        """None when the run is at rest and the watcher has seen everything. Raises UnknownRun, TooManyStreams.

        Every stream that is returned must be given back with `leave`.
        """
        if self._open >= self._most_streams:
            raise TooManyStreams("As many watch already as this service allows.", "Come back later, or poll the run.")
        self._open += 1
        try:
            stream = await self._joined(run_id, last_event_id)
        except BaseException:
            self._open -= 1
            raise
        if stream is None:
            self._open -= 1
        return stream

    def leave(self, stream: Stream) -> None:
        self._open -= 1
        for watched in self._watched.values():
            watched.streams.discard(stream)

    def close(self) -> None:
        """Ends every stream: the service stops, and watchers come back to the next one."""
        for watched in self._watched.values():
            for stream in watched.streams:
                stream.offer(None)
        self._watched.clear()

    async def _joined(self, run_id: str, last_event_id: str | None) -> Stream | None:
        watched = self._watched.get(run_id)
        if watched is None:
            watched = _Watched(run_id)
            watched.note(*await self._control.look(run_id, after="0"))
            if watched.at_rest is None:
                watched = self._watched.setdefault(run_id, watched)
        # From here to the end of registering nothing else runs: what comes after the snapshot reaches the queue.
        stream, until = Stream(watched.snapshot()), watched.last_id
        if watched.at_rest is None:
            watched.streams.add(stream)
            if watched.late:
                stream.offer(watched.late)
            self._start_poller()
        else:
            stream.offer(_end(watched.at_rest))
            stream.offer(None)
        if last_event_id is None or not _EVENT_ID.fullmatch(last_event_id):
            return stream
        return await self._caught_up(stream, watched, last_event_id, until)

    async def _caught_up(self, stream: Stream, watched: _Watched, last_event_id: str, until: str) -> Stream | None:
        try:
            _, events = await self._control.look(watched.run_id, after=last_event_id)
        except BaseException:
            watched.streams.discard(stream)
            raise
        if not events and watched.at_rest is not None:
            return None
        stream.missed = tuple(_change(event) for event in events if _order(event.id) <= _order(until))
        return stream

    def _start_poller(self) -> None:
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll(), name="live-events")

    async def _poll(self) -> None:
        while self._watched:
            await asyncio.sleep(self._look_every_seconds)
            for watched in [one for one in self._watched.values() if not one.streams]:
                self._watched.pop(watched.run_id, None)
            await asyncio.gather(*map(self._look_at, list(self._watched.values())))

    async def _look_at(self, watched: _Watched) -> None:
        try:
            look = self._control.look(watched.run_id, after=watched.last_id)
            messages = watched.note(*await within(LOOK_WITHIN_SECONDS, look))
        except UnknownRun:
            messages, watched.at_rest = [], "unknown"  # Redis has lost it
        except TimeoutError:
            what = f"Redis has not answered within {LOOK_WITHIN_SECONDS:g} seconds."
            messages = watched.note_late(RedisUnreachable(what))
        except OperatorError as error:
            messages = watched.note_late(error)
        ended: list[bytes | None] = [] if watched.at_rest is None else [_end(watched.at_rest), None]
        if ended:
            self._watched.pop(watched.run_id, None)
        for stream in list(watched.streams):
            if not all(stream.offer(message) for message in [*messages, *ended]):
                watched.streams.discard(stream)
                log.warning("slow reader dropped", run=watched.run_id)


def _change(event: Event) -> bytes:
    return format_sse_event(data_str=json.dumps(event_document(event)), event="change", id=event.id)


def _end(state: str) -> bytes:
    return format_sse_event(data_str=json.dumps({"state": state}), event="end")


def _encoded(run: Run) -> str:
    return json.dumps(run_document(run))


def _order(event_id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in event_id.split("-"))
