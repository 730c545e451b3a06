"""Which workers are alive, what they serve and what they hold: as anybody reads it from Redis."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable
from dataclasses import asdict
from typing import cast

import pytest
from redis.asyncio import Redis

from backfill.engine.protocols import Advance, Claim, Totals
from backfill.runs.workers import LiveWorker, WorkerRecord, serving, worker_document
from backfill.store.client import open_redis
from backfill.store.presence import Presence
from backfill.store.redis_store import RedisStore
from backfill.store.scripts import Scripts
from backfill.store.workers import ALIVE_SECONDS
from tests.support.store_model import BACKFILL, PLAN, forget, pace_of
from tests.support.waiting import wait_until

PREFIX = "workers-test"
BEGAN_MS = 1_800_000_000_000
RECORD = WorkerRecord(
    id="host-a:17:c0ffee", host="host-a", pid=17, version="1.2.3", started_ms=BEGAN_MS - 5, backfills=(BACKFILL,)
)


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
    return RedisStore(redis, prefix=PREFIX, lease_seconds=10, clock=clock)


async def beat(redis: Redis, clock: Clock, record: WorkerRecord) -> None:
    alive_ms = round(ALIVE_SECONDS * 1000)
    await Scripts(redis, PREFIX, clock).run("beat", "", record.id, alive_ms, json.dumps(asdict(record)))


async def claim(store: RedisStore, run_id: str) -> Claim:
    claimed = await store.claim(run_id, token=f"{RECORD.id}/abcd")
    assert claimed is not None
    return claimed


async def held(store: RedisStore) -> list[tuple[str, str, int | None, int]]:
    (worker,) = await store.workers()
    return [(task.run_id, task.task, task.range_index, task.since_ms - BEGAN_MS) for task in worker.holds]


async def test_a_worker_is_seen_with_its_own_words_until_it_has_been_silent_for_long(
    redis: Redis, store: RedisStore, clock: Clock
) -> None:
    await beat(redis, clock, RECORD)
    alive = await store.workers()
    clock.now_ms += round(ALIVE_SECONDS * 1000)
    silent = await store.workers()

    assert alive == (LiveWorker(**asdict(RECORD), beat_ms=BEGAN_MS, seen_ms=BEGAN_MS),)
    assert silent == ()


async def test_the_record_of_a_worker_that_is_gone_goes_with_the_next_sign_of_another(
    redis: Redis, store: RedisStore, clock: Clock
) -> None:
    await beat(redis, clock, RECORD)
    clock.now_ms += round(ALIVE_SECONDS * 1000)
    await beat(redis, clock, WorkerRecord(id="host-b:1:1", host="host-b", pid=1))

    assert await cast("Awaitable[list[str]]", redis.hkeys(f"{PREFIX}:worker_records")) == ["host-b:1:1"]


async def test_what_a_worker_holds_is_read_from_the_leases(redis: Redis, store: RedisStore, clock: Clock) -> None:
    await beat(redis, clock, RECORD)
    run_id = (await store.create(BACKFILL, pace_of(2), requested_by="test", idempotency_key=None)).run_id
    planning = await claim(store, run_id)
    seen = [await held(store)]
    await store.save_plan(planning, PLAN)
    await store.release(planning)
    clock.now_ms += 1_000
    first, _ = await claim(store, run_id), await claim(store, run_id)
    clock.now_ms += 1_000
    advance = Advance(stage_done=True)
    await store.checkpoint(first, 1, advance, Totals())
    seen.append(await held(store))
    clock.now_ms += 9_500  # the second lease has not been renewed
    seen.append(await held(store))
    await store.release(first)
    seen.append(await held(store))

    settled, open_ = (run_id, "check", 0, 1_000), (run_id, "settle", 1, 1_000)
    assert seen == [[(run_id, "plan", None, 0)], [settled, open_], [settled], []]


async def test_a_worker_of_an_older_version_is_seen_without_a_record(
    redis: Redis, store: RedisStore, clock: Clock
) -> None:
    await redis.zadd(f"{PREFIX}:workers", {"host-c:33:dead": BEGAN_MS + 5_000})

    (worker,) = await store.workers()

    assert (worker.host, worker.pid, worker.version, worker.backfills) == ("host-c", 33, None, ())
    assert serving([worker], BACKFILL) == 1


async def test_a_worker_is_seen_before_it_goes_on_to_say_that_it_is_ready(redis: Redis) -> None:
    store = RedisStore(redis, prefix=PREFIX, lease_seconds=10)

    async with Presence(redis, RECORD, prefix=PREFIX):
        seen = await store.workers()

    assert [worker.id for worker in seen] == [RECORD.id]


async def test_what_a_worker_serves_from_now_on_is_said_at_once(redis: Redis) -> None:
    store = RedisStore(redis, prefix=PREFIX, lease_seconds=10)

    async def said() -> LiveWorker | None:
        return next((one for one in await store.workers() if one.backfills == ("other",)), None)

    async with Presence(redis, RECORD, prefix=PREFIX) as presence:
        presence.serves(["other"], {BACKFILL: "The schema is not ready."})
        worker = await wait_until(said, 2)
        left = worker

    assert left is not None
    document = worker_document(left)
    assert (document["not_served"], document["version"]) == ({BACKFILL: "The schema is not ready."}, "1.2.3")
    assert (serving([left], BACKFILL), serving([left], "other")) == (0, 1)
    assert await store.workers() == ()
