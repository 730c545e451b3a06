"""A run whose workers are slices in this process: the real store, backfill and loop, on a clock that the test sets."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from backfill.engine.failover import Failovers
from backfill.engine.protocols import Backfill, Event
from backfill.engine.serving import Serving
from backfill.engine.slices import Slices
from backfill.queue import ArqDoorbell, open_arq
from backfill.runs.pace import Pace
from backfill.runs.ranges import Plan
from backfill.runs.record import Run
from backfill.runs.standing import Standing
from backfill.store.client import open_redis
from backfill.store.marks import RedisMarks
from backfill.store.redis_store import RedisStore
from tests.support.store_model import forget

BACKFILL = "generation-versions"
PREFIX = "in-process"
LEASE_SECONDS = 30


def pace_of(batch_rows: int, *, parallel: int = 1) -> Pace:
    return Pace(parallel=parallel, batch_rows=batch_rows, target_ms=50, pause_ms=0, rows_per_second=0)


class InProcessRun:
    """Use `work` for a worker's turn. Nothing happens between two turns but what the test does."""

    def __init__(self, redis: Redis, doorbell: ArqDoorbell) -> None:
        self.redis = redis
        self.run_id = ""
        self.bind: Callable[[str, str], Backfill] | None = None
        self.call_seconds = 30.0
        self.standing: Callable[[str], Awaitable[Standing]] | None = None
        self.ahead_ms = 0
        self.store = RedisStore(redis, prefix=PREFIX, lease_seconds=LEASE_SECONDS, clock=lambda: self._now_ms)
        self._marks = RedisMarks(redis, prefix=PREFIX, clock=lambda: self._now_ms)
        self.doorbell = doorbell
        self._now_ms = 1_800_000_000_000

    async def enqueue(self, *, batch_rows: int = 200) -> None:
        created = await self.store.create(BACKFILL, pace_of(batch_rows), requested_by="test", idempotency_key=None)
        self.run_id = created.run_id

    async def set_batch_rows(self, batch_rows: int) -> None:
        assert await self.store.set_pace(self.run_id, pace_of(batch_rows), who="test")

    def outlast_leases(self) -> None:
        """Every lease has expired now, and whatever was put off is due."""
        self._now_ms += 2 * LEASE_SECONDS * 1000

    async def plan(self, plan: Plan, *, parallel: int = 1) -> None:
        """Another worker has planned the run, of which so many ranges may be worked on at once."""
        assert await self.store.set_pace(self.run_id, pace_of(200, parallel=parallel), who="test")
        planning = await self.store.claim(self.run_id, token="there:1:test/plan")
        assert planning is not None
        await self.store.save_plan(planning, plan)
        await self.store.release(planning)

    async def hold_first_range(self) -> None:
        """Another worker holds it, and says nothing more."""
        held = await self.store.claim(self.run_id, token="there:1:test/first")
        assert held is not None
        assert held.range_index == 0

    async def work(self, backfill: Backfill) -> None:
        """One slice, until nothing of the run is free; its heart does not beat meanwhile."""
        slices = Slices(
            store=self.store,
            doorbell=self.doorbell,
            bind=self.bind or (lambda _name, _parameters: backfill),
            serving=Serving([BACKFILL]),
            worker_id="here:1:test",
            slice_seconds=60,
            lease_seconds=3_600,
            call_seconds=self.call_seconds,
            steady_ms=lambda: self._now_ms + self.ahead_ms,
            random=random.Random(1),
            failovers=None if self.standing is None else Failovers(marks=self._marks, read=self.standing),
        )
        await slices.work(self.run_id, lambda: False)

    async def read(self) -> Run:
        run = await self.store.get(self.run_id)
        assert run is not None
        return run

    async def events(self) -> Sequence[Event]:
        return await self.store.events(self.run_id)


@asynccontextmanager
async def in_process_run(redis_url: str) -> AsyncIterator[InProcessRun]:
    redis = open_redis(redis_url, timeout_seconds=5.0)
    arq = open_arq(redis_url, prefix=PREFIX, timeout_seconds=5.0)
    run = InProcessRun(redis, ArqDoorbell(arq))
    await run.enqueue()
    try:
        yield run
    finally:
        await arq.aclose(close_connection_pool=True)
        await forget(redis, PREFIX)
