"""A worker that dies takes nothing with it: kill -9 at any point, and another one goes on from the cursors."""

from __future__ import annotations

import asyncio
import random
import signal
import time

from tests.conftest import Spawn
from tests.faults.conftest import OldDatabase
from tests.support.recovery import Recovery
from tests.support.runs import WORKER, enqueue, until_ready
from tests.support.waiting import wait_until

GO_ON_SECONDS = 10.0
KILLS = 20
DEPLOYS = 8


async def test_another_worker_goes_on_within_seconds_from_the_cursors(old_database: OldDatabase, spawn: Spawn) -> None:
    worker = spawn(*WORKER, env=old_database.env)
    await until_ready(worker)
    run_id = enqueue(old_database.env)["id"]
    recovery = Recovery(old_database.watcher, run_id)
    await old_database.watcher.until_rows(run_id, 1_000)

    worker.kill()
    worker.wait()
    at_kill = await recovery.rows_done()
    await until_ready(spawn(*WORKER, env=old_database.env))
    await recovery.goes_on(since=time.monotonic(), rows_before=at_kill, deadline_seconds=GO_ON_SECONDS)

    recovery.tell("another worker")
    await old_database.ends_right(run_id)


async def test_twenty_kills_at_random_moments_of_one_run_lose_no_row(old_database: OldDatabase, spawn: Spawn) -> None:
    chance = random.Random(20)
    env = old_database.env | {"BACKFILL_LEASE_SECONDS": "1"}
    workers = [spawn(*WORKER, env=env) for _ in range(3)]
    for worker in workers:
        await until_ready(worker)
    run_id = enqueue(env, "--batch-rows", "20", "--pause-ms", "100")["id"]
    recovery = Recovery(old_database.watcher, run_id)

    for _ in range(KILLS):
        before = await recovery.rows_done()
        await old_database.watcher.until_rows(run_id, before + chance.randrange(1, 100))
        at_kill, since = await recovery.rows_done(), time.monotonic()
        workers.pop(chance.randrange(len(workers))).kill()
        workers.append(spawn(*WORKER, env=env))
        await recovery.goes_on(since=since, rows_before=at_kill)

    recovery.tell(f"{KILLS} kills")
    await old_database.ends_right(run_id)
    assert all("Traceback" not in worker.log for worker in workers)


async def test_any_number_of_deploys_never_costs_a_run(old_database: OldDatabase, spawn: Spawn) -> None:
    old = spawn(*WORKER, env=old_database.env)
    await until_ready(old)
    run_id = enqueue(old_database.env, "--batch-rows", "20", "--pause-ms", "100")["id"]
    recovery = Recovery(old_database.watcher, run_id)
    await old_database.watcher.until_rows(run_id, 1)

    for _ in range(DEPLOYS):
        new = spawn(*WORKER, env=old_database.env)
        await until_ready(new)
        at_deploy, since = await recovery.rows_done(), time.monotonic()
        old.kill(signal.SIGTERM)
        await recovery.goes_on(since=since, rows_before=at_deploy, deadline_seconds=GO_ON_SECONDS)
        await asyncio.to_thread(old.wait)
        assert "Traceback" not in old.log
        old = new

    recovery.tell(f"{DEPLOYS} deploys")
    await old_database.ends_right(run_id)
    assert await old_database.watcher.events(run_id, "takeover") == []


async def test_a_worker_frozen_past_its_lease_moves_nothing_when_it_wakes(
    old_database: OldDatabase, spawn: Spawn
) -> None:
    frozen = spawn(*WORKER, env=old_database.env)
    await until_ready(frozen)
    run_id = enqueue(old_database.env, "--parallel", "1")["id"]
    recovery = Recovery(old_database.watcher, run_id)
    await old_database.watcher.until_rows(run_id, 1_000)

    frozen.kill(signal.SIGSTOP)
    at_freeze, since = await recovery.rows_done(), time.monotonic()
    await until_ready(spawn(*WORKER, env=old_database.env))
    takeovers = await wait_until(lambda: old_database.watcher.events(run_id, "takeover"), 60)
    await recovery.goes_on(since=since, rows_before=at_freeze + 50)
    frozen.kill(signal.SIGCONT)
    await wait_until(lambda: "lease lost" in frozen.log, 30)

    recovery.tell("beside a frozen worker")
    run = await old_database.ends_right(run_id)
    assert len(takeovers) == 1
    assert run["progress"]["units_done"] == run["progress"]["units_total"]
    assert "Traceback" not in frozen.log
