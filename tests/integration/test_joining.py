"""Short batches have one checkpoint for several of them, and nothing of what they did is lost on any way out.

The stopwatch stands still unless a test moves it: every batch is short.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from redis.asyncio import Redis

from backfill.engine.joining import TOLD_EVERY_MS, Joining, joined
from backfill.engine.lease import Lease
from backfill.engine.protocols import Advance, Backfill, Claim, Settled, Totals
from backfill.engine.settling import RangeSettler, Surroundings
from backfill.engine.tally import Tally
from backfill.runs.pace import AUTOPILOT, Pace
from backfill.runs.ranges import Part
from backfill.runs.record import Run
from backfill.runs.states import Action, State
from backfill.store.client import open_redis
from backfill.store.redis_store import RedisStore
from tests.support.authored import Authored, AuthorsMistake
from tests.support.store_model import BACKFILL, forget

PREFIX = "joining-test"
UNITS = 50
PACE = Pace(parallel=1, batch_rows=10, target_ms=50, pause_ms=0, rows_per_second=0)
BATCHES = UNITS // PACE.batch_rows


@dataclass(slots=True, kw_only=True)
class Here:
    """A worker on the one range of a run, whose time the test has in hand."""

    redis: Redis
    store: RedisStore
    seconds: float = 0.0
    claim: Claim = field(init=False)

    async def take_up(self, backfill: Authored, pace: Pace = PACE) -> None:
        run_id = (await self.store.create(BACKFILL, pace, requested_by="test", idempotency_key=None)).run_id
        planning = await self.store.claim(run_id, token="planner")
        assert planning is not None
        await self.store.save_plan(planning, await backfill.plan(1))
        await self.store.release(planning)
        await self.take_up_again(run_id)

    async def take_up_again(self, run_id: str) -> None:
        claim = await self.store.claim(run_id, token="worker")
        assert claim is not None
        self.claim = claim

    def lease(self) -> Lease:
        return Lease(self.store, self.claim, Tally(), lease_seconds=3_600)

    async def settle(self, backfill: Authored, *, should_end: Callable[[], bool] = lambda: False) -> None:
        around = Surroundings(
            now_ms=lambda: 0, stopwatch=lambda: self.seconds, random=random.Random(1), should_end=should_end
        )
        async with self.lease() as lease:
            await RangeSettler(cast("Backfill", backfill), self.claim, lease, around).run()

    async def read(self) -> Run:
        run = await self.store.get(self.claim.run_id)
        assert run is not None
        return run

    async def told(self) -> tuple[int, int, int]:
        """Checkpoints, rows passed, rows written."""
        counts = (await self.read()).counts
        key = f"{PREFIX}:run:{self.claim.run_id}:range:{self.claim.range_index}"
        checkpoints = await cast("Awaitable[str | None]", self.redis.hget(key, "sequence"))
        return int(checkpoints or 0), counts.rows_done, counts.rows_written


@dataclass(slots=True)
class Hanging(Authored):
    """Says when it has come to the batch that hangs."""

    hanging: asyncio.Event = field(default_factory=asyncio.Event)

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        if set(unit_ids) & set(self.poisoned):
            self.hanging.set()
        return await Authored.settle(self, unit_ids)


@pytest.fixture
async def here(redis_url: str) -> AsyncIterator[Here]:
    redis = open_redis(redis_url, timeout_seconds=5.0)
    yield Here(redis=redis, store=RedisStore(redis, prefix=PREFIX, lease_seconds=3_600))
    await forget(redis, PREFIX)


async def test_they_are_told_at_the_end_of_the_range_and_counted_each(here: Here) -> None:
    backfill = Authored(units=UNITS)
    await here.take_up(backfill)

    await here.settle(backfill)

    run = await here.read()
    assert await here.told() == (1, UNITS, UNITS)
    assert (len(backfill.transactions), run.batches, run.counts.units_done) == (BATCHES, BATCHES, UNITS)
    assert run.ranges_finished == 1


async def test_what_is_done_before_a_batch_that_fails_is_told(here: Here) -> None:
    backfill = Authored(units=UNITS, raises={"settle": AuthorsMistake}, poisoned=["u0035"])
    await here.take_up(backfill)

    with pytest.raises(AuthorsMistake):
        await here.settle(backfill)

    assert await here.told() == (1, 30, 30)
    await here.take_up_again(here.claim.run_id)
    assert here.claim.cursor == ("u0029",)


async def test_what_is_done_before_the_slice_ends_is_told(here: Here) -> None:
    backfill = Authored(units=UNITS)
    await here.take_up(backfill)

    await here.settle(backfill, should_end=lambda: len(backfill.transactions) == 3)

    assert await here.told() == (1, 30, 30)


async def test_what_is_done_before_a_worker_is_broken_off_is_told(here: Here) -> None:
    backfill = Hanging(units=UNITS, hangs=["settle"], poisoned=["u0035"])
    await here.take_up(backfill)
    settling = asyncio.create_task(here.settle(backfill))
    async with asyncio.timeout(10):
        await backfill.hanging.wait()

    settling.cancel()
    with suppress(asyncio.CancelledError):
        await settling

    assert await here.told() == (1, 30, 30)


async def test_a_unit_that_is_put_aside_is_told_with_the_batches_before_it(here: Here) -> None:
    backfill = Authored(units=UNITS, busy=["u0035"])
    await here.take_up(backfill)

    await here.settle(backfill)

    run = await here.read()
    assert await here.told() == (2, UNITS - 1, UNITS - 1)
    assert [unit.unit_id for unit in run.contended] == ["u0035"]
    assert (run.batches, run.ranges_finished) == (BATCHES, 0)


@pytest.mark.parametrize(
    "pace", [replace(PACE, rows_per_second=10_000_000), replace(PACE, pause_ms=TOLD_EVERY_MS)], ids=["rate", "rest"]
)
async def test_where_the_answers_are_needed_every_batch_is_told(here: Here, pace: Pace) -> None:
    backfill = Authored(units=UNITS)
    await here.take_up(backfill, pace)

    await here.settle(backfill)

    assert await here.told() == (BATCHES + 1, UNITS, UNITS)


async def test_a_batch_is_told_with_those_before_it_once_the_time_is_over(here: Here) -> None:
    await here.take_up(Authored(units=UNITS))
    step = Advance(cursor=("u0000",), units=1, rows=5, written=5, batches_ms=(5.0,))
    rows = []

    async with here.lease() as lease, Joining(lease, None, lambda: here.seconds) as progress:
        for seconds in (0.0, 0.012, 0.024, 0.026, 0.05):
            here.seconds = seconds
            await progress.add(step)
            rows.append((await here.told())[1])

    assert rows == [0, 0, 0, 20, 20]
    assert await here.told() == (2, 25, 25)


async def test_by_the_autopilot_the_first_is_told_at_once_for_its_word(here: Here) -> None:
    await here.take_up(Authored(units=UNITS))
    here.claim = replace(here.claim, pace=replace(PACE, mode=AUTOPILOT))
    told = []

    async with here.lease() as lease, Joining(lease, None, lambda: here.seconds) as progress:
        for _ in range(2):
            await progress.add(Advance(cursor=("u0000",), units=1, rows=5, written=5, batches_ms=(5.0,)))
            told.append(await here.told())

    assert told == [(1, 5, 5), (1, 5, 5)]
    assert await here.told() == (2, 10, 10)


async def test_that_a_unit_is_begun_is_told_at_once_and_how_far_it_is_is_not(here: Here) -> None:
    await here.take_up(Authored(units=UNITS))
    known = []

    async with here.lease() as lease, Joining(lease, None, lambda: here.seconds) as progress:
        await progress.add(Advance(cursor=("u0000",), units=1, rows=5, written=5))
        for unit_id, counted in (("u0001", 4), ("u0001", 8), ("u0002", 4)):
            await progress.add(Advance(rows=4, written=4, part=Part(unit_id=unit_id, mark="m", rows_counted=counted)))
            known.append(await here.told())
        await progress.add(Advance(cursor=("u0002",), units=1, rows=1, written=1))

    assert known == [(1, 9, 9), (1, 9, 9), (2, 17, 17)]
    await here.take_up_again(here.claim.run_id)
    assert (here.claim.part, here.claim.cursor) == (None, ("u0002",))


async def test_a_pause_is_noticed_with_the_first_checkpoint_after_it(here: Here) -> None:
    backfill = Authored(units=UNITS)
    await here.take_up(backfill)
    await here.store.act(here.claim.run_id, Action.PAUSE, who="test")

    def after_a_second() -> bool:
        here.seconds += 1.0
        return False

    await here.settle(backfill, should_end=after_a_second)

    assert len(backfill.transactions) == 1
    assert (await here.read()).state is State.PAUSED


async def test_a_rest_that_the_store_asks_for_once_is_taken_once(here: Here) -> None:
    await here.take_up(Authored(units=UNITS), replace(PACE, rows_per_second=100))

    async with here.lease() as lease:
        await lease.checkpoint(Advance(rows=5, written=5))
        asked = lease.rest_ms
        await lease.rest()

        assert asked > 0
        assert lease.rest_ms == 0


def test_joined_ones_count_as_one_after_the_other() -> None:
    part = Part(unit_id="u", mark="m", rows_counted=4)
    earlier = Advance(cursor=("a",), units=1, rows=2, written=3, checked=4, part=part, batches_ms=(1.0, 2.0))
    later = Advance(units=10, rows=20, written=30, checked=40, batches_ms=(3.0,), stage_done=True)

    both = joined(earlier, later)

    assert Totals().plus(both) == Totals().plus(earlier).plus(later)
    assert (both.cursor, both.part, both.batches_ms, both.stage_done) == (("a",), None, (1.0, 2.0, 3.0), True)
