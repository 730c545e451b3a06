"""Redis restarts, freezes, forgets, is full or read-only: the worker outlasts it or ends with a sentence."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager

import pytest
import redis

from tests.conftest import Spawn
from tests.faults.conftest import OldDatabase
from tests.support.commands import Spawned
from tests.support.own_servers import VALKEY, OwnServers
from tests.support.recovery import Recovery
from tests.support.runs import WORKER, enqueue, until_ready
from tests.support.waiting import again_and_again, wait_until
from worker.runs.states import Action, State

RESTARTS = 3
FROZEN_SECONDS = 8.0
UNREACHABLE = 7

Trouble = Callable[[redis.Redis], AbstractContextManager[None]]


async def working(old_database: OldDatabase, spawn: Spawn) -> tuple[Spawned, str, Recovery]:
    """A worker in the middle of a run."""
    worker = spawn(*WORKER, env=old_database.env)
    await until_ready(worker)
    run_id = enqueue(old_database.env)["id"]
    await old_database.watcher.until_rows(run_id, 200)
    return worker, run_id, Recovery(old_database.watcher, run_id)


@asynccontextmanager
async def supervised(worker: Spawned, start: Callable[[], Spawned]) -> AsyncIterator[None]:
    """Another one whenever it has ended. arq gives up where the connection breaks between two commands of its own: with
    a sentence then, and no traceback."""
    workers = [worker]

    async def start_again() -> None:
        async for _ in again_and_again(0.1):
            if workers[-1].exit_code is not None:
                workers.append(start())

    supervisor = asyncio.create_task(start_again())
    try:
        yield
    finally:
        supervisor.cancel()
    for ended in workers[:-1]:
        assert ended.exit_code == UNREACHABLE, ended.log
        assert "error: Redis cannot be used: " in ended.log
        # One that had not begun to work only refuses to start.
        assert "worker ready" not in ended.log or "The worker stops; start it again." in ended.log
    assert not any("Traceback" in worker.log for worker in workers)


async def test_kills_of_redis_are_waited_out(own_servers: OwnServers, old_database: OldDatabase, spawn: Spawn) -> None:
    worker, run_id, recovery = await working(old_database, spawn)

    async with supervised(worker, lambda: spawn(*WORKER, env=old_database.env)):
        for _ in range(RESTARTS):
            at_kill, since = await recovery.rows_done(), time.monotonic()
            await own_servers.kill_valkey()
            await recovery.goes_on(since=since, rows_before=at_kill + 50)

        recovery.tell(f"{RESTARTS} kills of Redis")
        await old_database.ends_right(run_id)


async def test_a_pause_outlives_a_kill_of_redis(
    own_servers: OwnServers, old_database: OldDatabase, spawn: Spawn
) -> None:
    worker, run_id, recovery = await working(old_database, spawn)
    await old_database.watcher.control.act(run_id, Action.PAUSE, who="test")
    paused = await old_database.watcher.until_state(run_id, State.PAUSED)

    async with supervised(worker, lambda: spawn(*WORKER, env=old_database.env)):
        await own_servers.kill_valkey()
        after = await old_database.watcher.run(run_id)
        await old_database.watcher.control.act(run_id, Action.RESUME, who="test")
        await recovery.goes_on(since=time.monotonic(), rows_before=paused.counts.rows_done)

        assert (after.state, after.counts) == (State.PAUSED, paused.counts)
        await old_database.ends_right(run_id)


async def test_a_redis_frozen_for_eight_seconds_is_waited_out(
    own_servers: OwnServers, old_database: OldDatabase, spawn: Spawn
) -> None:
    worker, run_id, recovery = await working(old_database, spawn)
    at_freeze, valkey = await recovery.rows_done(), own_servers.pid(VALKEY)

    async with supervised(worker, lambda: spawn(*WORKER, env=old_database.env)):
        os.kill(valkey, signal.SIGSTOP)
        try:
            thaw_at = time.monotonic() + FROZEN_SECONDS
            await wait_until(lambda: time.monotonic() > thaw_at, 2 * FROZEN_SECONDS)
        finally:
            os.kill(valkey, signal.SIGCONT)
        await recovery.goes_on(since=thaw_at, rows_before=at_freeze + 50)

        recovery.tell(f"{FROZEN_SECONDS:g} s frozen Redis, from its thaw")
        await old_database.ends_right(run_id)


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
async def test_a_redis_that_takes_no_writes_ends_the_worker_with_a_sentence_and_the_next_one_goes_on(
    own_servers: OwnServers, old_database: OldDatabase, spawn: Spawn, trouble: Trouble
) -> None:
    worker, run_id, recovery = await working(old_database, spawn)

    with own_servers.valkey() as valkey, trouble(valkey):
        exit_code = await asyncio.to_thread(worker.wait, 60)
        at_end = await recovery.rows_done()
    since = time.monotonic()
    await until_ready(spawn(*WORKER, env=old_database.env))
    await recovery.goes_on(since=since, rows_before=at_end)

    recovery.tell(f"{trouble.__name__} Redis, from the start of the next worker")
    assert exit_code == UNREACHABLE
    assert worker.log.count("error: Redis cannot be used") == 1
    assert "Traceback" not in worker.log
    await old_database.ends_right(run_id)
