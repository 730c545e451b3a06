"""What the store must get right that random orders of steps rarely come to."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.store_model import claim_first_range, forget, unit_of
from worker.engine.protocols import Advance, Claim, Totals
from worker.redis_client import open_redis
from worker.runs.ranges import Part, Quarantined
from worker.runs.states import Action, State
from worker.store.redis_store import RedisStore
from worker.store.scripts import Scripts

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
