"""Hooks of definitions: called for every transition whoever made it, by workers as real processes and in this one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from backfill.definitions import Hooks
from backfill.engine.hooking import Hook, Hooking
from backfill.engine.serving import Serving
from backfill.runs.record import Run
from backfill.runs.states import Action
from backfill.runs.telling import sentence_of
from backfill.store.client import open_redis
from backfill.store.outbox import RedisOutbox
from backfill.store.redis_store import RedisStore
from tests.conftest import Spawn
from tests.support.commands import Spawned
from tests.support.forked import backfill
from tests.support.old_rows import OldRows
from tests.support.parametric import NAME, PLACE, SECRET
from tests.support.runs import WORKER, until_ready, wait_for_end
from tests.support.store_model import BACKFILL, forget, pace_of
from tests.support.waiting import wait_until

PREFIX = "hooks-test"
AGAIN_SECONDS = 0.2


class Here:
    """Workers of hooks in this process, on a store of their own."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.store = RedisStore(redis, prefix=PREFIX, lease_seconds=30)
        self.called: list[tuple[str, str]] = []
        self.run_id = ""

    def worker(self, reader: str, hooks: Hooks, *, again_seconds: float = AGAIN_SECONDS) -> Hooking:
        return Hooking(
            outbox=RedisOutbox(self.redis, prefix=PREFIX, reader=reader, again_seconds=again_seconds),
            store=self.store,
            serving=Serving([BACKFILL]),
            hooks={BACKFILL: hooks},
            stopping=asyncio.Event(),
        )

    def noting(self, reader: str) -> Hooks:
        def hook(name: str) -> Callable[[Run], None]:
            return lambda run: self.called.append((reader, name))

        names = ("after_start", "after_pause", "after_success", "after_failure", "after_cancel")
        return Hooks(**{name: hook(name) for name in names})  # type: ignore[arg-type]

    async def create(self) -> None:
        asked = await self.store.create(BACKFILL, pace_of(1), requested_by="test", idempotency_key=None)
        self.run_id = asked.run_id

    async def act(self, *actions: Action) -> None:
        for action in actions:
            await self.store.act(self.run_id, action, who="test")

    async def drain(self, worker: Hooking) -> None:
        while await worker.turn(BACKFILL):
            pass

    async def told(self) -> list[str]:
        return [sentence_of(e.kind, e.about) for e in await self.store.events(self.run_id) if e.kind == "hook"]


@pytest.fixture
async def here(redis_url: str) -> AsyncIterator[Here]:
    redis = open_redis(redis_url, timeout_seconds=5.0)
    made = Here(redis)
    await made.create()
    yield made
    await forget(redis, PREFIX)


async def test_what_happened_before_any_worker_was_there_is_not_lost(here: Here) -> None:
    await here.act(Action.PAUSE, Action.RESUME, Action.CANCEL)
    await here.store.vacancies(here.run_id)

    await here.drain(here.worker("w", here.noting("w")))

    assert here.called == [("w", "after_pause"), ("w", "after_cancel")]


async def test_a_start_is_told_again_after_a_resume(here: Here) -> None:
    for action in (Action.PAUSE, Action.RESUME, Action.PAUSE):
        claim = await here.store.claim(here.run_id, token="t")
        await here.act(action)
        if claim is not None:
            await here.store.release(claim)

    await here.drain(here.worker("w", here.noting("w")))

    assert [name for _, name in here.called] == ["after_start", "after_pause", "after_start", "after_pause"]


async def test_two_workers_call_one_hook_at_a_time_in_order(here: Here) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(run: Run) -> None:
        here.called.append(("first", "after_pause"))
        entered.set()
        await leave.wait()

    first, second = here.worker("first", Hooks(after_pause=slow)), here.worker("second", here.noting("second"))
    await here.drain(second)
    await here.act(Action.PAUSE, Action.CANCEL)
    calling = asyncio.create_task(here.drain(first))
    await entered.wait()

    beside = await second.turn(BACKFILL)
    leave.set()
    await calling
    await here.drain(second)

    assert not beside
    assert here.called == [("first", "after_pause")]  # and the first one has passed what came after it
    assert (await here.redis.xpending(f"{PREFIX}:outbox:{BACKFILL}", "hooks"))["pending"] == 0


async def test_what_a_worker_that_died_was_at_is_called_by_another(here: Here) -> None:
    await here.act(Action.PAUSE)
    dead, other = here.worker("dead", Hooks()), here.worker("other", here.noting("other"))
    await here.drain(here.worker("before", Hooks()))
    await here.act(Action.RESUME, Action.PAUSE)
    while (taken := await dead.outbox.take(BACKFILL)) is not None and taken.hook is None:
        await dead.outbox.done(taken)

    await wait_until(lambda: other.turn(BACKFILL))

    assert here.called == [("other", "after_pause")]
    assert taken is not None
    assert not await dead.outbox.keep(taken)


def raising(run: Run) -> None:
    raise LookupError(SECRET)


async def endless(run: Run) -> None:
    await asyncio.Event().wait()


def endless_in_a_thread(run: Run) -> None:
    threading.Event().wait(3)


@pytest.mark.parametrize(
    ("hook", "tries", "words"),
    [
        (raising, 5, "after_pause raised LookupError at test_hooks.py:"),
        (endless, 5, "after_pause did not come back within 0.05 seconds"),
        (endless_in_a_thread, 1, "after_pause has not come back within 0.05 seconds, and cannot be broken off"),
    ],
)
async def test_a_hook_that_fails_is_tried_some_times_and_told_in_the_events(
    here: Here, hook: Hook, tries: int, words: str
) -> None:
    worker = here.worker("w", Hooks(after_pause=hook, seconds=0.05), again_seconds=0.01)
    await here.act(Action.PAUSE)

    await wait_until(lambda: _all_done(here, worker))

    told = await here.told()
    assert len(told) == tries
    assert all(words in one and SECRET not in one for one in told)
    assert told[-1].endswith("It is not called again.")
    run = await here.store.get(here.run_id)
    assert run is not None
    assert (run.state, run.error) == ("paused", None)


async def _all_done(here: Here, worker: Hooking) -> bool:
    await worker.turn(BACKFILL)
    given_up = any(e.about.get("given_up") == "1" for e in await here.store.events(here.run_id))
    return given_up and not await worker.turn(BACKFILL)


async def test_a_reader_that_ends_leaves_no_name_behind_unless_it_was_at_an_entry(here: Here) -> None:
    await here.act(Action.PAUSE)
    busy, idle = here.worker("busy", Hooks()), here.worker("idle", Hooks())
    await idle.outbox.take("another-backfill")
    await busy.outbox.take(BACKFILL)

    for worker in (busy, idle):
        for name in (BACKFILL, "another-backfill", "never-heard-of"):
            await worker.outbox.leave(name)  # type: ignore[attr-defined]  # of the real one

    async def names(backfill: str) -> list[str]:
        return [one["name"] for one in await here.redis.xinfo_consumers(f"{PREFIX}:outbox:{backfill}", "hooks")]

    assert (await names(BACKFILL), await names("another-backfill")) == (["busy"], [])


class Processes:
    def __init__(self, environment: dict[str, str], spawn: Spawn, folder: Path) -> None:
        self.log = folder / "hooks.log"
        self.log.touch()
        self.environment = environment | {"BACKFILL_DEFINITIONS": PLACE, "HOOKS_LOG": str(self.log)}
        self._spawn = spawn

    async def worker(self, **more: str) -> Spawned:
        worker = self._spawn(*WORKER, env=self.environment | more)
        await until_ready(worker)
        return worker

    def run(self, *arguments: str) -> dict[str, Any]:
        done = backfill(*arguments, "--json", env=self.environment)
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    @property
    def called(self) -> list[list[str]]:
        return [line.split() for line in self.log.read_text().splitlines()]


@pytest.fixture
async def processes(rows: OldRows, environment: dict[str, str], spawn: Spawn, tmp_path: Path) -> Processes:
    await rows.add_project("p", minute=0)
    await rows.add_many("p", 30)
    await rows.connection.execute("CREATE TABLE bound (country text, version text, pid int)")
    return Processes(environment, spawn, tmp_path)


async def test_workers_call_hooks_once_in_order_also_for_what_an_operator_did_while_none_was_alive(
    processes: Processes,
) -> None:
    run = processes.run("enqueue", NAME, "-p", "country=AT")
    processes.run("pause")
    workers = [await processes.worker() for _ in range(2)]
    await wait_until(lambda: len(processes.called) == 1)

    processes.run("resume")
    wait_for_end(processes.environment, run["id"])
    await wait_until(lambda: len(processes.called) == 3)

    assert [line[0] for line in processes.called] == ["after_pause", "after_start", "after_success"]
    assert {tuple(line[1:2] + line[3:4]) for line in processes.called} == {(run["id"], "AT")}
    assert {int(line[4]) for line in processes.called} <= {worker.pid for worker in workers}


async def test_a_hook_that_a_killed_worker_was_at_is_called_by_another_and_never_fails_the_run(
    processes: Processes,
) -> None:
    first = await processes.worker(HOOKS_FAIL="after_start")
    run = processes.run("enqueue", NAME, "-p", "country=AT")
    await wait_until(lambda: bool(processes.called))
    await wait_until(lambda: "hook failed" in first.log)
    os.kill(first.pid, signal.SIGKILL)

    second = await processes.worker()
    await wait_until(lambda: [line[0] for line in processes.called][-1] == "after_success", 40)

    lines = [(line[0], int(line[4])) for line in processes.called]
    assert lines == [("after_start", first.pid), ("after_start", second.pid), ("after_success", second.pid)]
    ended = wait_for_end(processes.environment, run["id"])
    assert ended["state"] == "succeeded"
    events = backfill("events", run["id"], env=processes.environment).stdout
    assert "Hook after_start failed at try 1. after_start raised LookupError at parametric.py:" in events
    assert SECRET not in events
    assert SECRET not in first.log
