"""The counters of a backfill: what moves them, what does not, and that reading them is cheap."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import cast

import pytest
from redis.asyncio import Redis

from backfill.engine.protocols import Advance, Totals
from backfill.runs.pace import Pace
from backfill.runs.states import Action, State
from backfill.runs.workers import unspoken_record
from backfill.store.client import open_redis
from backfill.store.metrics import BATCH_BOUNDS, BackfillMetrics, Metrics, read_metrics
from backfill.store.presence import Presence, new_worker_id
from backfill.store.redis_store import RedisStore
from backfill.store.scripts import Scripts
from tests.support.store_model import BACKFILL, PLAN, claim_first_range, forget, key_of, pace_of, unit_of
from tests.support.waiting import wait_until

PREFIX = "metrics-test"
BEGAN_MS = 1_800_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now_ms = BEGAN_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    opened = open_redis(redis_url, timeout_seconds=5.0)
    yield opened
    await forget(opened, PREFIX)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(redis: Redis, clock: Clock) -> RedisStore:
    return RedisStore(redis, prefix=PREFIX, lease_seconds=3600, clock=clock)


async def everything(redis: Redis) -> Metrics:
    return await read_metrics(redis, prefix=PREFIX, queue=f"{PREFIX}:queue", backfills=[BACKFILL])


async def metrics(redis: Redis) -> BackfillMetrics:
    return (await everything(redis)).backfills[0]


async def end_run(store: RedisStore, run_id: str) -> None:
    """Nothing is in flight, so it rests at once."""
    assert (await store.act(run_id, Action.CANCEL, who="test")).state is State.CANCELLED


async def test_before_the_first_run_all_is_zero(redis: Redis) -> None:
    one = await metrics(redis)

    assert (one.rows_written, one.rows_passed, one.batches, one.batch_seconds) == (0, 0, 0, 0)
    assert (one.last_progress_seconds, one.run) == (0, None)
    assert set(one.throttled_seconds.values()) == {0}
    assert one.runs_ended == {State.CANCELLED: 0, State.FAILED: 0, State.SUCCEEDED: 0}


async def test_counters_go_on_over_the_runs(redis: Redis, store: RedisStore) -> None:
    advance = Advance(cursor=key_of(unit_of(0, 0)), units=1, rows=9, written=7, batches_ms=(20.0,))
    for _ in range(2):
        claim = await claim_first_range(store)
        await store.checkpoint(claim, 1, advance, Totals().plus(advance))
        await store.release(claim)
        await end_run(store, claim.run_id)

    one = await metrics(redis)
    assert (one.rows_written, one.rows_passed, one.batches, one.batch_seconds) == (14, 18, 2, 0.04)
    assert one.runs_ended[State.CANCELLED] == 2
    assert one.run is not None
    assert (one.run.state, one.run.remaining_rows, one.run.remaining_units) == (State.CANCELLED, None, None)


async def test_a_checkpoint_that_is_repeated_or_comes_too_late_counts_nothing(redis: Redis, store: RedisStore) -> None:
    claim = await claim_first_range(store)
    advance = Advance(units=1, rows=9, written=9, batches_ms=(20.0,))
    await store.checkpoint(claim, 1, advance, Totals().plus(advance))
    once = await metrics(redis)

    await store.checkpoint(claim, 1, advance, Totals().plus(advance))
    await store.release(claim)
    await store.checkpoint(claim, 2, advance, Totals().plus(advance).plus(advance))

    assert await metrics(redis) == once
    assert (once.rows_written, once.batches) == (9, 1)


@pytest.mark.parametrize(("took_ms", "bound"), [(0.2, "0.005"), (5.0, "0.005"), (50.1, "0.075"), (60_000.0, "+Inf")])
async def test_a_batch_is_counted_up_to_its_bound(redis: Redis, store: RedisStore, took_ms: float, bound: str) -> None:
    claim = await claim_first_range(store)
    advance = Advance(units=1, rows=9, written=9, batches_ms=(took_ms,))

    await store.checkpoint(claim, 1, advance, Totals().plus(advance))

    one = await metrics(redis)
    assert [le for le, _ in one.batch_buckets] == [*BATCH_BOUNDS, "+Inf"]
    assert next(le for le, count in one.batch_buckets if count) == bound
    assert one.batch_buckets[-1] == ("+Inf", 1)
    assert one.batch_seconds == took_ms / 1000


async def test_a_bucket_of_another_version_is_not_lost(redis: Redis, store: RedisStore) -> None:
    await cast("Awaitable[int]", redis.hset(f"{PREFIX}:metrics:{BACKFILL}", "batch_le:0.06", "3"))

    one = await metrics(redis)

    counts = dict(one.batch_buckets)
    assert (counts["0.05"], counts["0.06"], counts["0.075"], one.batches) == (0, 3, 3, 3)


async def test_only_what_moves_a_cursor_or_a_count_is_progress(redis: Redis, store: RedisStore, clock: Clock) -> None:
    claim = await claim_first_range(store)
    moved = Advance(cursor=key_of(unit_of(0, 0)), units=1, rows=9)
    await store.checkpoint(claim, 1, moved, Totals().plus(moved))
    clock.now_ms += 60_000

    await store.checkpoint(claim, 2, Advance(due_ms=clock.now_ms + 500), Totals().plus(moved))
    waiting = (await metrics(redis)).last_progress_seconds
    await store.checkpoint(claim, 3, Advance(stage_done=True), Totals().plus(moved))

    assert waiting == BEGAN_MS / 1000
    assert (await metrics(redis)).last_progress_seconds == clock.now_ms / 1000


async def test_what_holds_ranges_back_is_counted_by_its_reason(redis: Redis, store: RedisStore) -> None:
    limited = Pace(parallel=1, batch_rows=100, target_ms=50, pause_ms=0, rows_per_second=10)
    claim = await claim_first_range(store, limited)
    advance = Advance(units=1, rows=9, written=5)

    verdict = await store.checkpoint(claim, 1, advance, Totals().plus(advance))
    await store.strike(claim, "the server 10.0.0.1 has gone away", pause_after=0)
    await store.release(claim, due_in_ms=750)

    run = await store.get(claim.run_id)
    assert run is not None
    assert (verdict.wait_ms, run.throttled_ms) == (500, 500)
    assert (await metrics(redis)).throttled_seconds == {"failures": 0.75, "rows_per_second": 0.5}


async def test_the_active_run_is_the_one_that_is_shown(redis: Redis, store: RedisStore) -> None:
    first = await claim_first_range(store)
    await store.release(first)
    assert (await store.act(first.run_id, Action.VERIFY, who="test")).taken
    assert (await store.act(first.run_id, Action.FAIL, who="test")).taken
    second = await claim_first_range(store)
    await store.release(second)
    shown = [await metrics(redis)]
    await end_run(store, second.run_id)
    shown.append(await metrics(redis))
    assert (await store.act(first.run_id, Action.RETRY, who="test")).taken
    shown.append(await metrics(redis))

    assert [one.run and one.run.state for one in shown] == [State.RUNNING, State.CANCELLED, State.QUEUED]
    assert [one.run and one.run.remaining_rows for one in shown] == [PLAN.rows_total, None, PLAN.rows_total]


async def test_what_remains_is_not_known_before_the_plan(redis: Redis, store: RedisStore) -> None:
    await store.create(BACKFILL, pace_of(1), requested_by="test", idempotency_key=None)

    one = await metrics(redis)

    assert one.run is not None
    assert (one.run.state, one.run.remaining_rows, one.run.remaining_units) == (State.QUEUED, None, None)


async def test_workers_are_counted_while_they_live(redis: Redis) -> None:
    async def both_are_counted() -> bool:
        return (await everything(redis)).workers_alive == 2

    async with Presence(redis, unspoken_record(new_worker_id()), prefix=PREFIX):
        async with Presence(redis, unspoken_record(new_worker_id()), prefix=PREFIX):
            await wait_until(both_are_counted)
        assert (await everything(redis)).workers_alive == 1

    assert (await everything(redis)).workers_alive == 0


async def test_a_worker_that_has_been_silent_for_long_is_not_counted(redis: Redis, clock: Clock) -> None:
    clock.now_ms = 1_000_000
    await Scripts(redis, PREFIX, clock).run("beat", "", "killed", 15_000, "{}")

    assert await redis.zcard(f"{PREFIX}:workers") == 1
    assert (await everything(redis)).workers_alive == 0


async def test_the_cost_of_reading_does_not_grow_with_the_runs(redis: Redis, store: RedisStore) -> None:
    after_one = 0
    for number in range(12):
        claim = await claim_first_range(store)
        await store.release(claim)
        await end_run(store, claim.run_id)
        if number == 0:
            after_one = await commands_of_one_reading(redis)
    after_many = await commands_of_one_reading(redis)

    assert after_one == after_many
    assert after_many <= 12


async def commands_of_one_reading(redis: Redis) -> int:
    """As another connection sees them, in this database only."""
    seen: list[str] = []
    async with redis.monitor() as monitor:
        await redis.echo("begin")
        await everything(redis)
        await redis.echo("enough")
        async for command in monitor.listen():
            if int(command["db"]) == redis.connection_pool.connection_kwargs["db"]:
                seen.append(command["command"])
            if command["command"] == "ECHO enough":
                break
    return len(seen) - seen.index("ECHO begin") - 2
