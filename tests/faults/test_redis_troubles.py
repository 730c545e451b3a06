"""Redis restarts, freezes, forgets, is full or read-only: the worker outlasts it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psutil
import pytest
import redis

from backfill.runs.states import Action, State
from tests.conftest import Spawn
from tests.faults.conftest import OldDatabase
from tests.support.commands import Spawned
from tests.support.forked import backfill
from tests.support.own_servers import VALKEY, OwnServers
from tests.support.recovery import Recovery
from tests.support.runs import WORKER, enqueue, until_ready
from tests.support.waiting import in_time, wait_until

RESTARTS = 3
FROZEN_SECONDS = 8.0
WATCHED_SECONDS = 4.0
# It takes five here. Without an end to its patience it took three quarters of a minute: each of the last things that it
# has to say waited for its own time.
LEFT_WITHIN_SECONDS = 30.0

Trouble = Callable[[redis.Redis], AbstractContextManager[None]]


def cpu_seconds(worker: Spawned) -> float:
    times = psutil.Process(worker.pid).cpu_times()
    return float(times.user + times.system)


async def working(old_database: OldDatabase, spawn: Spawn) -> tuple[Spawned, str, Recovery]:
    """A worker in the middle of a run."""
    worker = spawn(*WORKER, env=old_database.env)
    await until_ready(worker)
    run_id = enqueue(old_database.env)["id"]
    await old_database.watcher.until_rows(run_id, 200)
    return worker, run_id, Recovery(old_database.watcher, run_id)


def outlived(*workers: Spawned) -> bool:
    return all(worker.exit_code is None and "Traceback" not in worker.log for worker in workers)


async def test_kills_of_redis_are_outlived_by_every_worker(
    own_servers: OwnServers, old_database: OldDatabase, spawn: Spawn
) -> None:
    worker, run_id, recovery = await working(old_database, spawn)
    workers = [worker, spawn(*WORKER, env=old_database.env)]
    await until_ready(workers[1])

    for _ in range(RESTARTS):
        at_kill, since = await recovery.rows_done(), time.monotonic()
        await own_servers.kill_valkey()
        await recovery.goes_on(since=since, rows_before=at_kill + 50)

    recovery.tell(f"{RESTARTS} kills of Redis")
    await old_database.ends_right(run_id)
    assert outlived(*workers)


async def test_a_pause_outlives_a_kill_of_redis(
    own_servers: OwnServers, old_database: OldDatabase, spawn: Spawn
) -> None:
    worker, run_id, recovery = await working(old_database, spawn)
    await old_database.watcher.control.act(run_id, Action.PAUSE, who="test")
    paused = await old_database.watcher.until_state(run_id, State.PAUSED)

    await own_servers.kill_valkey()
    after = await old_database.watcher.run(run_id)
    await old_database.watcher.control.act(run_id, Action.RESUME, who="test")
    await recovery.goes_on(since=time.monotonic(), rows_before=paused.counts.rows_done)

    assert (after.state, after.counts) == (State.PAUSED, paused.counts)
    await old_database.ends_right(run_id)
    assert outlived(worker)


async def test_a_redis_frozen_for_eight_seconds_is_waited_out(
    own_servers: OwnServers, old_database: OldDatabase, spawn: Spawn
) -> None:
    worker, run_id, recovery = await working(old_database, spawn)
    at_freeze, valkey = await recovery.rows_done(), own_servers.pid(VALKEY)

    os.kill(valkey, signal.SIGSTOP)
    try:
        thaw_at = time.monotonic() + FROZEN_SECONDS
        await wait_until(lambda: time.monotonic() > thaw_at, 2 * FROZEN_SECONDS)
    finally:
        os.kill(valkey, signal.SIGCONT)
    await recovery.goes_on(since=thaw_at, rows_before=at_freeze + 50)

    recovery.tell(f"{FROZEN_SECONDS:g} s frozen Redis, from its thaw")
    await old_database.ends_right(run_id)
    assert outlived(worker)


async def test_a_worker_that_is_told_to_stop_while_redis_is_frozen_leaves_within_seconds(
    own_servers: OwnServers, old_database: OldDatabase, spawn: Spawn
) -> None:
    worker, run_id, _ = await working(old_database, spawn)
    await old_database.watcher.control.set_pace(run_id, {"parallel": 3}, who="test")
    valkey = own_servers.pid(VALKEY)

    os.kill(valkey, signal.SIGSTOP)
    try:
        since = time.monotonic()
        worker.kill(signal.SIGTERM)
        exit_code = await asyncio.to_thread(worker.wait, LEFT_WITHIN_SECONDS)
    finally:
        left_after = time.monotonic() - since
        os.kill(valkey, signal.SIGCONT)
    await asyncio.to_thread(backfill, "cancel", run_id, env=old_database.env)

    sys.stdout.write(f"SIGTERM with a frozen Redis: left after {left_after:.1f} s\n")
    assert exit_code == 0
    assert "Traceback" not in worker.log


async def test_a_redis_that_forgets_everything_loses_the_run_and_a_new_one_goes_on_from_the_data(
    own_servers: OwnServers, old_database: OldDatabase, spawn: Spawn
) -> None:
    worker, lost_id, _ = await working(old_database, spawn)
    lookers = [spawn("backfill", command, lost_id, env=old_database.env) for command in ("wait", "watch")]
    await wait_until(lambda: lost_id in lookers[1].log, 30)
    done_before = (await old_database.watcher.until_rows(lost_id, 5_000)).counts.rows_done

    with own_servers.valkey() as valkey:
        valkey.flushall()
    exits = [await asyncio.to_thread(looker.wait) for looker in lookers]
    run_id, since = enqueue(old_database.env)["id"], time.monotonic()
    recovery = Recovery(old_database.watcher, run_id)
    await recovery.goes_on(since=since, rows_before=done_before)

    recovery.tell("Redis lost, from the new run to where the old one was")
    run = await old_database.ends_right(run_id)
    assert exits == [4, 4]
    assert all(f"error: There is no run '{lost_id}'" in looker.log for looker in lookers)
    assert run["progress"]["rows_written"] <= old_database.generations - done_before
    assert worker.exit_code is None
    assert "Traceback" not in worker.log


@contextmanager
def full(valkey: redis.Redis) -> Iterator[None]:
    valkey.config_set("maxmemory", "1")
    try:
        yield
    finally:
        valkey.config_set("maxmemory", "0")


@contextmanager
def replica_of_nobody(valkey: redis.Redis) -> Iterator[None]:
    valkey.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        valkey.replicaof("NO", "ONE")


@pytest.mark.parametrize("trouble", [full, replica_of_nobody])
async def test_a_redis_that_takes_no_writes_is_waited_out_without_haste(
    own_servers: OwnServers, old_database: OldDatabase, spawn: Spawn, trouble: Trouble
) -> None:
    worker, run_id, recovery = await working(old_database, spawn)

    with own_servers.valkey() as valkey, trouble(valkey):
        await wait_until(lambda: "waiting for Redis" in worker.log, 30)
        at_end, lines, cpu = await recovery.rows_done(), worker.log.count("\n"), cpu_seconds(worker)
        until = time.monotonic() + WATCHED_SECONDS
        await wait_until(lambda: time.monotonic() > until, 2 * WATCHED_SECONDS)
        said, worked = worker.log.count("\n") - lines, cpu_seconds(worker) - cpu
    await recovery.goes_on(since=time.monotonic(), rows_before=at_end)

    recovery.tell(f"{trouble.__name__} Redis, from when it takes writes again")
    assert in_time(worked, WATCHED_SECONDS / 4, "the worker's work")
    assert said <= 4 * WATCHED_SECONDS
    await old_database.ends_right(run_id)
    assert outlived(worker)
