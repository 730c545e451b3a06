"""A claimed task in a worker's hands: the heartbeat that keeps it, the checkpoints that move it, the way to let go.

Whoever holds the lease is the only one to move the task's cursor; the store checks the token with every step.
The data does not rely on it: two workers on one range would still number every row once.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType

import structlog

from backfill.engine.lookahead import Ahead
from backfill.engine.protocols import Advance, Claim, Store
from backfill.engine.tally import Tally
from backfill.runs.errors import RedisUnreachable
from backfill.runs.pace import BatchSize, Pace
from backfill.runs.states import WORKING, State

# So often is a rest between batches interrupted to see whether the run is still wanted.
LOOK_EVERY_SECONDS = 0.1
# However slow a batch was: the next one shows whether it still has to be so gentle.
LONGEST_REST_MS = 10_000.0
LEAST_DUTY = 0.01

log = structlog.get_logger(__name__)


class Lease:
    """Use as `async with`; leaving lets the task go. `may_go_on` turns false when it is lost or the run stops.

    What the checkpoints move is added to `tally`.
    """

    def __init__(self, store: Store, claim: Claim, tally: Tally, *, lease_seconds: float) -> None:
        self._store = store
        self._claim = claim
        self._tally = tally
        self._lease_seconds = lease_seconds
        self._sequence = claim.sequence
        self._totals = claim.totals
        self._held = True
        self._state = State.CANCELLING if claim.winding_up else State.RUNNING
        self._due_in_ms = 0
        self._whole_run = False
        self._wait_ms = 0
        self._duty = 1.0
        self._throttled_by = ""
        self._open_until = time.monotonic() + claim.open_ms / 1000
        self._began = time.monotonic()
        self._heartbeat: asyncio.Task[None] | None = None
        self._leaving = asyncio.Event()
        self.pace: Pace = claim.pace

    @property
    def may_go_on(self) -> bool:
        return self._held and self._state in WORKING and not self._throttled_by and not self._is_outside

    @property
    def _is_outside(self) -> bool:
        """By a clock of its own, so that no batch is begun after the window has closed."""
        return time.monotonic() >= self._open_until

    @property
    def batch_size(self) -> BatchSize | None:
        """That this slice came to in another range of the run."""
        return self._tally.batch_size

    @property
    def page_size(self) -> BatchSize | None:
        """The same of a verification's pages."""
        return self._tally.page_size

    def keep_page_size(self, size: BatchSize) -> None:
        self._tally.page_size = size

    @property
    def look_ahead(self) -> Ahead | None:
        """How this slice came to read ahead, in another range of the run."""
        return self._tally.look_ahead

    def keep_look_ahead(self, ahead: Ahead) -> None:
        self._tally.look_ahead = ahead

    @property
    def winding_up(self) -> bool:
        """The run is being cancelled: units that are begun are finished, nothing else is."""
        return self._held and self._state is State.CANCELLING

    @property
    def stopped_by(self) -> str | None:
        """Why it may not go on, for the log."""
        if not self._held:
            return "lease lost"
        if self._state not in WORKING:
            return f"run is {self._state}"
        if self._is_outside:
            return "outside its window"
        return f"throttled by {self._throttled_by}" if self._throttled_by else None

    async def __aenter__(self) -> Lease:
        self._heartbeat = asyncio.create_task(self._beat(), name=f"heartbeat-{self._claim.task}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Asked to end and not cancelled: before Python 3.12 a cancellation that meets the client of Redis at the end of
        # sending is lost (asyncio.wait_for), and a heart that beats on would keep the lease for ever.
        self._leaving.set()
        if self._heartbeat is not None:
            await asyncio.gather(self._heartbeat, return_exceptions=True)
        if self._held:
            try:
                await self._store.release(self._claim, due_in_ms=self._due_in_ms, whole_run=self._whole_run)
            except RedisUnreachable:
                log.warning("lease not released, it will expire", run=self._claim.run_id, task=self._claim.task)

    async def checkpoint(self, advance: Advance) -> None:
        """Moves cursor and counts in one step; afterwards `may_go_on` and `pace` say what the run wants."""
        self._sequence += 1
        self._totals = self._totals.plus(advance)
        verdict = await self._store.checkpoint(self._claim, self._sequence, advance, self._totals)
        if verdict.held:
            self._tally.moved(advance)
        self._wait_ms = verdict.wait_ms
        self._duty = verdict.duty
        self._throttled_by = verdict.stopped_by
        self._open_until = time.monotonic() + verdict.open_ms / 1000
        self.pace = verdict.pace_now
        self._heard(verdict.held, verdict.state)

    @property
    def rest_ms(self) -> float:
        """How long a rest would be now."""
        return max(self.pace.pause_ms, self._wait_ms, self._rest_for_duty_ms())

    async def rest(self, *, at_least_ms: float = 0) -> None:
        """The pause between two batches that pace or autopilot ask for; ends early when the run is to stop."""
        loop = asyncio.get_running_loop()
        until = loop.time() + max(self.rest_ms, at_least_ms) / 1000
        while self.may_go_on and (left := until - loop.time()) > 0:
            await asyncio.sleep(min(left, LOOK_EVERY_SECONDS))
            if left > LOOK_EVERY_SECONDS:
                self._heard(*await self._store.renew(self._claim))
        self._wait_ms = 0  # it was asked for once, and the next batch may come without another checkpoint
        self._began = time.monotonic()

    def _rest_for_duty_ms(self) -> float:
        """So long that what was worked since the last rest is the lane's share of the time."""
        worked_ms = (time.monotonic() - self._began) * 1000
        return min(worked_ms * (1 / max(self._duty, LEAST_DUTY) - 1), LONGEST_REST_MS)

    async def strike(self, reason: str, *, pause_after: int) -> int:
        """A failure that is not a unit's own; so many in a row pause the run (0: never). Returns how many."""
        return await self._store.strike(self._claim, reason, pause_after=pause_after)

    def put_off(self, milliseconds: int, *, whole_run: bool) -> None:
        """When the task is let go, nobody is to take it up again before that long; `whole_run`: nor any other."""
        self._due_in_ms, self._whole_run = milliseconds, whole_run

    def _heard(self, held: bool, state: State) -> None:
        if self._held and not held:
            log.warning("lease lost", run=self._claim.run_id, task=self._claim.task, range=self._claim.range_index)
        self._held, self._state = held, state

    async def _left_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._leaving.wait()
        except TimeoutError:
            return False

    async def _beat(self) -> None:
        while self._held and not await self._left_within(self._lease_seconds / 3):
            try:
                self._heard(*await self._store.renew(self._claim))
            except RedisUnreachable:
                log.warning("heartbeat failed", run=self._claim.run_id, task=self._claim.task)
