"""A claimed task in a worker's hands: the heartbeat that keeps it, the checkpoints that move it, the way to let go.

Whoever holds the lease is the only one to move the task's cursor; the store checks the token with every step.
The data does not rely on it: two workers on one range would still number every row once.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

import structlog

from worker.engine.protocols import Advance, Claim, Store
from worker.runs.errors import RedisUnreachable
from worker.runs.pace import Pace
from worker.runs.states import WORKING, State

log = structlog.get_logger(__name__)


class Lease:
    """Use as `async with`; leaving lets the task go. `may_go_on` turns false when it is lost or the run stops."""

    def __init__(self, store: Store, claim: Claim, *, lease_seconds: float) -> None:
        self._store = store
        self._claim = claim
        self._lease_seconds = lease_seconds
        self._sequence = claim.sequence
        self._held = True
        self._state = State.RUNNING
        self._due_in_ms = 0
        self._heartbeat: asyncio.Task[None] | None = None
        self.pace: Pace = claim.pace

    @property
    def may_go_on(self) -> bool:
        return self._held and self._state in WORKING

    @property
    def held(self) -> bool:
        return self._held

    async def __aenter__(self) -> Lease:
        self._heartbeat = asyncio.create_task(self._beat(), name=f"heartbeat-{self._claim.task}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            await asyncio.gather(self._heartbeat, return_exceptions=True)
        if self._held:
            try:
                await self._store.release(self._claim, due_in_ms=self._due_in_ms)
            except RedisUnreachable:
                log.warning("lease not released, it will expire", run=self._claim.run_id, task=self._claim.task)

    async def checkpoint(self, advance: Advance) -> None:
        """Moves cursor and counts in one step; afterwards `may_go_on` and `pace` say what the run wants."""
        self._sequence += 1
        verdict = await self._store.checkpoint(self._claim, self._sequence, advance)
        self._held = verdict.held
        self._state = verdict.state
        self.pace = verdict.pace
        if not verdict.held:
            log.warning("lease lost", run=self._claim.run_id, task=self._claim.task, range=self._claim.range_index)

    async def pause(self) -> None:
        """The pause between two batches that the run's pace asks for."""
        if self.pace.pause_ms and self.may_go_on:
            await asyncio.sleep(self.pace.pause_ms / 1000)

    def put_off(self, milliseconds: int) -> None:
        """When the task is let go, nobody is to take it up again before that long."""
        self._due_in_ms = milliseconds

    async def _beat(self) -> None:
        while self._held:
            await asyncio.sleep(self._lease_seconds / 3)
            try:
                self._held = await self._store.renew(self._claim)
            except RedisUnreachable:
                log.warning("heartbeat failed", run=self._claim.run_id, task=self._claim.task)
