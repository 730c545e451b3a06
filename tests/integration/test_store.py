"""What the store must get right that random orders of steps rarely come to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis import asyncio as redis_py

from backfill.engine.protocols import Advance, Claim, Totals
from backfill.runs.attention import Kind, attention_of
from backfill.runs.ranges import Part, PutAside, Quarantined
from backfill.runs.record import Run
from backfill.runs.states import Action, State
from backfill.store.client import open_redis
from backfill.store.limits import StoreLimits
from backfill.store.redis_store import RedisStore
from backfill.store.scripts import Scripts
from tests.support.store_model import BACKFILL, claim_first_range, forget, pace_of, unit_of

PREFIX = "store-test"


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisStore]:
    redis = open_redis(redis_url, timeout_seconds=5.0)
    yield RedisStore(redis, prefix=PREFIX, lease_seconds=30)
    await forget(redis, PREFIX)


@pytest.fixture
async def claim(store: RedisStore) -> Claim:
    return await claim_first_range(store)


@pytest.mark.parametrize("idempotency_key", ["", "deploy-42"])
async def test_a_run_that_is_created_again_after_a_lost_answer_is_still_new(
    redis_url: str, idempotency_key: str
) -> None:
    redis = open_redis(redis_url, timeout_seconds=5.0)
    scripts = Scripts(redis, PREFIX)
    arguments = ("generation-versions", '{"parallel": 1}', "test", idempotency_key)

    answers = [await scripts.run("create", "a1b2c3", *arguments) for _ in range(2)]

    assert answers == [["a1b2c3", "new"], ["a1b2c3", "new"]]
    assert await redis.xlen(f"{PREFIX}:run:a1b2c3:events") == 1
    await forget(redis, PREFIX)


async def test_a_run_is_not_cancelled_while_a_large_unit_is_begun(store: RedisStore, claim: Claim) -> None:
    begun = Advance(rows=4, written=4, part=Part(unit_id=unit_of(0, 0), mark="m", rows_counted=4))
    await store.checkpoint(claim, 1, begun, Totals().plus(begun))
    await store.act(claim.run_id, Action.CANCEL, who="test")
    await store.release(claim)

    while_begun = await store.get(claim.run_id)
    winding_up = await store.claim(claim.run_id, token="second")
    assert winding_up is not None
    finished = Advance(units=1, rows=5, written=5)
    await store.checkpoint(winding_up, 2, finished, winding_up.totals.plus(finished))
    await store.release(winding_up)
    at_rest = await store.get(claim.run_id)

    assert while_begun is not None
    assert while_begun.state is State.CANCELLING
    assert winding_up.winding_up
    assert winding_up.part == begun.part
    assert at_rest is not None
    assert at_rest.state is State.CANCELLED


async def test_retry_remembers_what_of_a_quarantined_unit_is_counted(store: RedisStore, claim: Claim) -> None:
    poison = Quarantined(
        unit_id=unit_of(0, 0),
        range_index=0,
        sqlstate="23514",
        constraint="c",
        error="a value is not allowed",
        at_ms=1,
        counted=True,
        begun=True,
        rows_counted=4,
    )
    failed = Advance(quarantined=(poison,))
    await store.checkpoint(claim, 1, failed, Totals())
    await store.release(claim)
    for action in (Action.VERIFY, Action.FAIL, Action.RETRY):
        assert (await store.act(claim.run_id, action, who="test")).taken

    run = await store.get(claim.run_id)

    assert run is not None
    assert run.quarantined == ()
    (again,) = run.contended
    assert (again.unit_id, again.counted, again.begun, again.rows_counted) == (poison.unit_id, True, True, 4)


def poison(position: int) -> Quarantined:
    return Quarantined(
        unit_id=f"u{position}", range_index=0, sqlstate="23514", constraint="c", error="refused", at_ms=1
    )


async def fail_units(store: RedisStore, claim: Claim, count: int) -> Run:
    """So many more units than are quarantined already, one after the other."""
    run = await store.get(claim.run_id)
    assert run is not None
    for position in range(len(run.quarantined), len(run.quarantined) + count):
        await store.checkpoint(claim, position + 1, Advance(quarantined=(poison(position),)), Totals())
    run = await store.get(claim.run_id)
    assert run is not None
    return run


async def paused_by_failures(store: RedisStore, claim: Claim) -> Run:
    run = await fail_units(store, claim, 20)
    assert run.state is State.PAUSING
    await store.release(claim)
    run = await fail_units(store, claim, 0)
    assert (run.state, run.error) == (State.PAUSED, "20 of the first 20 units failed")
    assert run.asked is not None
    assert (run.asked.action, run.asked.by) == ("pause", "engine")
    return run


async def test_retry_takes_the_quarantined_units_of_a_paused_run_up_again(store: RedisStore, claim: Claim) -> None:
    paused = await paused_by_failures(store, claim)

    taken = await store.act(claim.run_id, Action.RETRY, who="test")

    run = await store.get(claim.run_id)
    assert run is not None
    assert Action.RETRY in paused.actions
    assert (taken.taken, run.state, run.error, run.quarantined) == (True, State.QUEUED, None, ())
    assert {unit.unit_id for unit in run.contended} == {unit.unit_id for unit in paused.quarantined}


async def test_a_paused_run_without_quarantined_units_has_nothing_to_be_retried(
    store: RedisStore, claim: Claim
) -> None:
    await store.release(claim)
    await store.act(claim.run_id, Action.PAUSE, who="test")
    assert await store.claim(claim.run_id, token="rests it") is None

    taken = await store.act(claim.run_id, Action.RETRY, who="test")

    run = await store.get(claim.run_id)
    assert run is not None
    assert (taken.taken, run.state, run.actions) == (False, State.PAUSED, (Action.RESUME, Action.CANCEL))


async def test_a_run_that_is_resumed_in_spite_of_failed_units_is_not_paused_by_the_next_one(
    store: RedisStore, claim: Claim
) -> None:
    await paused_by_failures(store, claim)
    await store.act(claim.run_id, Action.RESUME, who="test")
    again = await store.claim(claim.run_id, token="second")
    assert again is not None

    after_one = await fail_units(store, again, 1)
    after_twenty = await fail_units(store, again, 19)

    assert (after_one.state, len(after_one.quarantined)) == (State.RUNNING, 21)
    assert (after_twenty.state, after_twenty.error) == (State.PAUSING, "20 of the last 20 units failed")


async def test_asking_again_for_a_locked_unit_moves_nothing_and_a_run_that_does_only_that_has_stalled(
    redis_url: str,
) -> None:
    redis = open_redis(redis_url, timeout_seconds=5.0)
    now = [1_800_000_000_000]
    store = RedisStore(
        redis, prefix=PREFIX, lease_seconds=30, limits=StoreLimits(patience_seconds=10), clock=lambda: now[0]
    )
    claim = await claim_first_range(store)
    planned_ms, locked = now[0], PutAside(unit_id="u", range_index=0, since_ms=now[0], tries=1, due_ms=now[0])

    for sequence in range(1, 5):
        now[0] += 3_000
        assert (await store.renew(claim))[0]
        await store.checkpoint(claim, sequence, Advance(put_aside=(locked,)), Totals())
    run = await store.get(claim.run_id)

    assert run is not None
    assert (run.movement.moved_ms, run.updated_ms) == (planned_ms, now[0])
    attention = attention_of(run)
    assert attention is not None
    assert (attention.kind, attention.since_ms) == (Kind.STALLED, planned_ms)
    await forget(redis, PREFIX)


async def test_a_run_that_ended_long_ago_is_forgotten_with_all_its_keys_but_never_the_latest_or_one_at_rest(
    redis_url: str,
) -> None:
    redis = open_redis(redis_url, timeout_seconds=5.0)
    now = [1_800_000_000_000]
    limits = StoreLimits(keep_days=7)
    store = RedisStore(redis, prefix=PREFIX, lease_seconds=30, limits=limits, clock=lambda: now[0])
    old = await claim_first_range(store)
    await store.act(old.run_id, Action.CANCEL, who="test", note="a mistake")
    await store.release(old)
    paused = await store.create("another", pace_of(1), requested_by="test", idempotency_key=None)
    await store.act(paused.run_id, Action.PAUSE, who="test")
    another_days = await store.create("third", pace_of(1), requested_by="test", idempotency_key=None)
    await store.act(another_days.run_id, Action.CANCEL, who="test")

    now[0] += 8 * 86_400_000
    new = await store.create(BACKFILL, pace_of(1), requested_by="test", idempotency_key=None)

    assert set(await store.recent_ids(10) or ()) == {new.run_id, paused.run_id, another_days.run_id}
    assert [key async for key in redis.scan_iter(f"{PREFIX}:run:{old.run_id}*")] == []
    await forget(redis, PREFIX)


async def test_runs_are_kept_for_ever_where_that_is_said(store: RedisStore, claim: Claim) -> None:
    await store.act(claim.run_id, Action.CANCEL, who="test")
    await store.release(claim)

    new = await store.create(BACKFILL, pace_of(1), requested_by="test", idempotency_key=None)

    assert await store.recent_ids(10) == (new.run_id, claim.run_id)


async def test_a_server_that_cannot_be_reached_holds_up_all_ranges_for_a_moment(redis_url: str) -> None:
    redis, now = open_redis(redis_url, timeout_seconds=5.0), [1_000_000]
    store = RedisStore(redis, prefix=PREFIX, lease_seconds=30, clock=lambda: now[0])
    claim = await claim_first_range(store)

    await store.release(claim, due_in_ms=700, whole_run=True)
    at_once = (await store.vacancies(claim.run_id), await store.claim(claim.run_id, token="second"))
    now[0] += 700
    later = await store.vacancies(claim.run_id)
    again = await store.claim(claim.run_id, token="second")

    assert at_once == (0, None)
    assert later > 0
    assert again is not None
    assert again.range_index == claim.range_index
    await forget(redis, PREFIX)


async def test_what_a_failover_of_redis_loses_is_counted_once_and_its_cursor_goes_on(
    redis_url: str, store: RedisStore, claim: Claim
) -> None:
    step, totals = Advance(units=1, rows=2, written=2), Totals()
    for sequence in (1, 2):
        totals = totals.plus(step)
        await store.checkpoint(claim, sequence, step, totals)
    raw = redis_py.from_url(redis_url)  # type: ignore[no-untyped-call]
    replicated = {key: await raw.dump(key) for key in await raw.keys(f"{PREFIX}:run:*")}
    for sequence in (3, 4):
        totals = totals.plus(step)
        await store.checkpoint(claim, sequence, step, totals)

    for key, value in replicated.items():
        await raw.restore(key, 0, value, replace=True)
    lost = await store.get(claim.run_id)
    totals = totals.plus(step)
    verdict = await store.checkpoint(claim, 5, replace(step, cursor=("u9",)), totals)
    run = await store.get(claim.run_id)
    await raw.aclose()

    assert lost is not None
    assert run is not None
    assert (lost.counts.rows_done, verdict.held, run.counts.rows_done, run.counts.units_done) == (4, True, 10, 5)
