"""Workers on two hosts share a run; when the network loses one of them, the other goes on and the run ends verified."""

from __future__ import annotations

import asyncio
import json
import sys
import time

import asyncpg
import pytest

from tests.conftest import Spawn
from tests.hosts.conftest import SHAPE, OldData
from tests.support.commands import Spawned, environment_for
from tests.support.expected import breaches, filled
from tests.support.namespaces import Host, Network
from tests.support.own_servers import administrator
from tests.support.runs import WORKER, enqueue, until_ready, wait_for_end
from tests.support.waiting import wait_until
from tests.support.watching import watching
from worker.embedded import ServerUrls

# The run must not be over before the lost host is back, and must be when the test wants it to.
SLOWLY = ("--parallel", "2", "--batch-rows", "20", "--pause-ms", "100")
QUICKLY = {"batch_rows": 2_000, "pause_ms": 0}
TAKEN_OVER_WITHIN_SECONDS = 15.0
UNLOCKED_WITHIN_SECONDS = 15.0


SESSIONS = (
    "SELECT count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting,"
    " count(*) FILTER (WHERE backend_xid IS NOT NULL) AS writing, count(*) AS sessions"
    " FROM pg_stat_activity WHERE client_addr = $1::text::inet"
)


def rows_written_by(worker: Spawned) -> int:
    """By the slices that have ended."""
    lines = [json.loads(line) for line in worker.log.splitlines() if '"slice done"' in line]
    return sum(line["written"] for line in lines)


@pytest.fixture
def env(old_data: OldData, shared_servers: ServerUrls) -> dict[str, str]:
    return environment_for(
        database_url=old_data.url,
        redis_url=shared_servers.redis_url,
        BACKFILL_SLICE_SECONDS="0.5",
        BACKFILL_LOCK_TIMEOUT_MS="4000",  # time to pull the cable
    )


async def lose(host: Host, observer: asyncpg.Connection) -> None:
    """In the middle of a batch: its rows are locked and its update is under way."""
    async with observer.transaction():
        await observer.execute("LOCK TABLE generations IN SHARE MODE")  # locks rows, but updates none
        await wait_until(lambda: observer.fetchval(SESSIONS, host.address), 30)
        host.cut_off()


async def test_a_host_that_the_network_loses_in_the_middle_of_a_batch_costs_the_run_seconds_and_no_row(
    two_hosts: Network, old_data: OldData, env: dict[str, str], spawn: Spawn
) -> None:
    lost_host, other_host = two_hosts.hosts
    lost, other = (spawn(*host.command(*WORKER), env=env) for host in (lost_host, other_host))
    for worker in (lost, other):
        await until_ready(worker)
    run_id = enqueue(env, *SLOWLY)["id"]
    await wait_until(lambda: rows_written_by(lost) and rows_written_by(other), 30)

    async with watching(env) as watcher, administrator(old_data.url) as observer:
        await lose(lost_host, observer)
        lost_at = time.monotonic()
        await wait_until(lambda: watcher.events(run_id, "takeover"), 30)
        taken_over = time.monotonic() - lost_at
        await wait_until(lambda: unlocked(observer, lost_host), UNLOCKED_WITHIN_SECONDS)
        unlocked_after = time.monotonic() - lost_at
        lost_host.join()
        back_at = time.monotonic()
        await wait_until(lambda: "lease lost" in lost.log, 60)
        sys.stdout.write(
            f"host lost: its range taken over after {taken_over:.1f} s, its locks gone after {unlocked_after:.1f} s;"
            f" back, it knew after {time.monotonic() - back_at:.1f} s\n"
        )
        await watcher.control.set_pace(run_id, QUICKLY, who="test")
        run = await asyncio.to_thread(wait_for_end, env, run_id)

    assert run["state"] == "succeeded", run
    assert run["progress"]["rows_done"] == SHAPE.generations
    assert await filled(old_data.url) == old_data.expected
    assert await breaches(old_data.url) == []
    assert "Traceback" not in lost.log + other.log


async def unlocked(observer: asyncpg.Connection, host: Host) -> bool:
    row = await observer.fetchrow(SESSIONS, host.address)
    return bool(row["writing"] == 0)
