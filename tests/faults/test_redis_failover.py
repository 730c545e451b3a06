"""Redis behind Sentinel: the primary dies in mid-run, and worker, commands and HTTP service find the other one."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Iterator

import httpx
import pytest
import redis

from backfill.runs.errors import RedisUnreachable
from backfill.store.client import open_redis, told_plainly
from tests.conftest import Spawn
from tests.faults.conftest import OldDatabase
from tests.support.cli import BACKFILL, NAME
from tests.support.forked import backfill
from tests.support.recovery import Recovery
from tests.support.runs import WORKER, until_ready
from tests.support.sentinels import SERVICE, WatchedPair, watched_pair
from tests.support.waiting import wait_until
from tests.support.watching import watching

FAILED_OVER_SECONDS = 60.0
NOT_THERE = "no replica of Redis has it yet"


@pytest.fixture(scope="module")
def pair() -> Iterator[WatchedPair]:
    with watched_pair() as made:
        yield made


async def test_who_asks_sentinel_for_what_it_does_not_know_or_may_not_see_is_told_so(pair: WatchedPair) -> None:
    for url, words in (
        (pair.url.replace(f"/{SERVICE}/", "/nothing/"), "does not know it"),
        (pair.url.replace("sesame", "wrong"), "invalid username-password pair"),
        (pair.url.replace("PASSWORD", "hunter2"), "invalid username-password pair"),
    ):
        refused = open_redis(url, timeout_seconds=5.0, retries=0)
        with pytest.raises(RedisUnreachable, match=words), told_plainly():
            await refused.ping()
        await refused.aclose(close_connection_pool=True)


async def test_a_run_goes_on_when_sentinel_has_put_the_replica_in_the_place_of_the_primary(
    pair: WatchedPair, old_database: OldDatabase, spawn: Spawn
) -> None:
    await wait_until(pair.is_watched, 60)
    env = old_database.env | {"REDIS_URL": pair.url}
    worker, serving = spawn(*WORKER, env=env), spawn(*BACKFILL, "serve", "--port", "0", env=env)
    await until_ready(worker)
    (listening,) = await wait_until(lambda: re.findall(r"listening on (http://\S+)", serving.log), 30)

    async with watching(env) as watcher:
        asked = await asyncio.to_thread(backfill, "enqueue", NAME, "--json", env=env)
        run_id = json.loads(asked.stdout)["id"]
        is_there = knows(pair.replica.url, run_id)
        await watcher.until_rows(run_id, 500)
        recovery = Recovery(watcher, run_id)
        at_kill = await recovery.rows_done()

        os.kill(pair.primary.pid, signal.SIGKILL)
        await wait_until(lambda: pair.primary_port() == pair.replica.port, FAILED_OVER_SECONDS)
        since = time.monotonic()
        await wait_until(lambda: answers(env), FAILED_OVER_SECONDS)
        await recovery.goes_on(since=since, rows_before=at_kill + 50)
        recovery.tell("a failover of Redis, from when Sentinel names the new primary")
        async with httpx.AsyncClient(base_url=listening) as client:
            shown = await wait_until(lambda: found(client, f"/v1/runs/{run_id}"), FAILED_OVER_SECONDS)
        said = await asyncio.to_thread(backfill, "set", run_id, "--pause-ms", "0", env=env)
        run = await OldDatabase(
            url=old_database.url,
            env=env,
            generations=old_database.generations,
            expected=old_database.expected,
            watcher=watcher,
        ).ends_right(run_id)

    assert is_there or NOT_THERE in asked.stderr
    assert (said.returncode, NOT_THERE in said.stderr) == (0, True), said.stderr
    assert shown["id"] == run["id"] == run_id
    assert f"at {SERVICE}, by Sentinel at 127.0.0.1:" in backfill("doctor", env=env).stdout
    assert "Traceback" not in worker.log + serving.log
    assert worker.exit_code is None


def knows(url: str, run_id: str) -> bool:
    with redis.Redis.from_url(url) as client:
        return bool(client.exists(f"backfill:run:{run_id}"))


async def answers(env: dict[str, str]) -> bool:
    return await asyncio.to_thread(lambda: backfill("status", env=env).returncode == 0)


async def found(client: httpx.AsyncClient, path: str) -> dict[str, str]:
    try:
        answer = await client.get(path)
    except httpx.HTTPError:
        return {}
    document: dict[str, str] = answer.json()
    return document if answer.status_code == httpx.codes.OK else {}
