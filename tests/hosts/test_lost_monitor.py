"""The host of the worker that looks at the database for all is lost: another looks soon, and nobody works meanwhile."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from backfill.runs.directive import FRESH_MS
from backfill.store.client import open_redis
from backfill.urls import ServerUrls
from tests.conftest import Spawn
from tests.hosts.conftest import OldData
from tests.support.commands import environment_for
from tests.support.namespaces import Network
from tests.support.runs import WORKER, enqueue, until_ready
from tests.support.waiting import wait_until

LANES = 2
# It takes less than five; the rest is for a machine that is busy.
TAKEN_OVER_WITHIN_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at Redis, by its clock: who looks at the database, when they last said so, batches so far."""

    now_ms: int
    monitor: str
    said_ms: int
    batches: int

    @property
    def nobody_looks(self) -> bool:
        return self.now_ms - self.said_ms > FRESH_MS


async def look(redis: Redis, run_id: str) -> Look:
    async with redis.pipeline(transaction=True) as pipe:
        pipe.time()
        pipe.hmget("backfill:autopilot", ["monitor", "at_ms"])
        pipe.hget(f"backfill:run:{run_id}", "batches")
        (seconds, micros), (monitor, said_ms), batches = await pipe.execute()
    return Look(
        now_ms=seconds * 1000 + micros // 1000,
        monitor=(monitor or "").partition(" ")[0],
        said_ms=int(said_ms or 0),
        batches=int(batches or 0),
    )


@pytest.fixture
def env(old_data: OldData, shared_servers: ServerUrls) -> dict[str, str]:
    return environment_for(
        database_url=old_data.url,
        redis_url=shared_servers.redis_url,
        BACKFILL_SLICE_SECONDS="0.5",
        BACKFILL_PACE="autopilot",
        BACKFILL_SIGNALS_OFF="latency",
        BACKFILL_LEAST_LANES=str(LANES),
    )


async def test_another_host_looks_soon_after_the_one_that_did_is_lost_and_no_batch_begins_before(
    two_hosts: Network, env: dict[str, str], spawn_program: Spawn
) -> None:
    lost, other = two_hosts.hosts
    await until_ready(spawn_program(*lost.command(*WORKER), env=env))
    run_id = enqueue(env, "--parallel", str(LANES), "--batch-rows", "10", "--pause-ms", "200")["id"]
    redis, looks = open_redis(env["REDIS_URL"], timeout_seconds=5.0), []

    async def looked_at_by(monitor: str) -> bool:
        looks.append(await look(redis, run_id))
        return bool(looks[-1].monitor) and looks[-1].monitor != monitor and not looks[-1].nobody_looks

    try:
        await wait_until(lambda: looked_at_by(""), 30)
        monitor = looks[-1].monitor
        second = spawn_program(*other.command(*WORKER), env=env)
        await until_ready(second)
        await wait_until(lambda: second.log.count('"slice done"') >= 3, 60)
        looks.clear()
        lost.cut_off()
        try:
            await wait_until(lambda: looked_at_by(monitor), TAKEN_OVER_WITHIN_SECONDS)
        finally:
            lost.join()
    finally:
        await redis.aclose(close_connection_pool=True)

    unwatched = [one for one in looks if one.nobody_looks]
    sys.stdout.write(f"looked at again {(looks[-1].now_ms - looks[0].now_ms) / 1000:.1f} s after the cut\n")
    # What was begun while somebody looked is finished.
    assert not unwatched or unwatched[-1].batches - unwatched[0].batches <= LANES
