"""Workers on two hosts share a run; when the network loses one of them, the other goes on and the run ends verified."""

from __future__ import annotations

import asyncio
import json
import sys
import time

import asyncpg
import pytest

from backfill.urls import ServerUrls
from tests.conftest import Spawn
from tests.hosts.conftest import SHAPE, OldData
from tests.support.commands import Spawned, environment_for
from tests.support.expected import breaches, filled
from tests.support.namespaces import Host, Network
from tests.support.own_servers import administrator
from tests.support.runs import WORKER, enqueue, until_ready, wait_for_end
from tests.support.waiting import wait_until
from tests.support.watching import watching

# The run must not be over before the lost host is back, and must be when the test wants it to.
SLOWLY = ("--parallel", "2", "--batch-rows", "20", "--pause-ms", "300")
QUICKLY: dict[str, int | None] = {"batch_rows": 2_000, "pause_ms": 0}
# The lease is 3 s; the rest is for a machine that is busy.
TAKEN_OVER_WITHIN_SECONDS = 30.0
# The patience with an idle transaction is 5 s. A session that has parsed a statement and waits for its parameters is
# not idle for the server, and only given up when its answer has found nobody for 25 s.
UNLOCKED_WITHIN_SECONDS = 60.0
SESSIONS = (
    "SELECT count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting,"
    " count(*) FILTER (WHERE backend_xid IS NOT NULL) AS writing"
    " FROM pg_stat_activity WHERE client_addr = $1::text::inet"
)


def rows_written_by(worker: Spawned) -> int:
    """By the slices that have ended."""
    lines = [line for line in worker.log.splitlines() if '"slice done"' in line and line.endswith("}")]
    return sum(json.loads(line)["written"] for line in lines)


@pytest.fixture
def env(old_data: OldData, shared_servers: ServerUrls) -> dict[str, str]:
    return environment_for(
        database_url=old_data.url,
        redis_url=shared_servers.redis_url,
        BACKFILL_SLICE_SECONDS="0.5",
        BACKFILL_LOCK_TIMEOUT_MS="4000",  # time to pull the cable
    )


async def sessions(observer: asyncpg.Connection, host: Host, doing: str) -> int:
    """How many of the host's are `waiting` for a lock, or `writing`: holding the locks of their transaction."""
    row = await observer.fetchrow(SESSIONS, host.address)
    return int(row[doing])


async def lose(host: Host, observer: asyncpg.Connection) -> None:
    """In the middle of a batch: its rows are locked, and it waits for the answer to its update."""
    async with observer.transaction():
        await observer.execute("LOCK TABLE generations IN SHARE MODE")  # lets rows be locked, but not updated
        await wait_until(lambda: sessions(observer, host, "waiting"), 30)
        host.cut_off()
    assert await sessions(observer, host, "writing")


async def test_a_host_that_the_network_loses_in_the_middle_of_a_batch_costs_seconds_and_no_row(
    two_hosts: Network, old_data: OldData, env: dict[str, str], spawn_program: Spawn
) -> None:
    lost_host, other_host = two_hosts.hosts
    lost, other = (spawn_program(*host.command(*WORKER), env=env) for host in (lost_host, other_host))
    for worker in (lost, other):
        await until_ready(worker)
    run_id = enqueue(env, *SLOWLY)["id"]
    await wait_until(lambda: rows_written_by(lost) and rows_written_by(other), 60)

    async with watching(env) as watcher, administrator(old_data.url) as observer:
        await lose(lost_host, observer)
        at, moments = time.monotonic(), []
        await wait_until(lambda: watcher.events(run_id, "takeover"), TAKEN_OVER_WITHIN_SECONDS)
        moments.append(f"its range taken over after {time.monotonic() - at:.1f} s")

        async def unlocked() -> bool:
            return await sessions(observer, lost_host, "writing") == 0

        await wait_until(unlocked, UNLOCKED_WITHIN_SECONDS)
        moments.append(f"its locks gone after {time.monotonic() - at:.1f} s")
        written_before = rows_written_by(lost)
        lost_host.join()
        await wait_until(lambda: rows_written_by(lost) > written_before, 60)
        moments.append(f"back at work after {time.monotonic() - at:.1f} s")
        await watcher.control.set_pace(run_id, QUICKLY, who="test")
        run = await asyncio.to_thread(wait_for_end, env, run_id)

    sys.stdout.write(f"host lost: {', '.join(moments)}\n")
    assert run["state"] == "succeeded", run
    assert run["progress"]["rows_done"] == SHAPE.generations
    assert await filled(old_data.url) == old_data.expected
    assert await breaches(old_data.url) == []
    assert "Traceback" not in lost.log + other.log
