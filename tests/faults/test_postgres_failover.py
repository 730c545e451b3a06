"""The primary dies in mid-run, and a standby is promoted that lacks the last seconds: they are done again."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from backfill.embedded.server import Server
from backfill.runs.states import Action
from backfill.sql.database import open_engine
from tests.conftest import Spawn
from tests.support.commands import environment_for
from tests.support.databases import migrate, new_database
from tests.support.expected import Filled, breaches, filled, one_shot
from tests.support.forked import backfill
from tests.support.own_servers import administrator
from tests.support.recovery import Recovery
from tests.support.runs import WORKER, enqueue, until_ready, wait_for_end
from tests.support.standby import Primary, Standby
from tests.support.started_servers import quarters
from tests.support.waiting import wait_until
from tests.support.watching import watching
from worker.demo.old_data import OldDataShape, create_old_data

# Most of the rows are one project's, which is a range by itself and at work, in parts, all of the time.
SHAPE = OldDataShape(projects=400, generations=4_000, giant_share=0.7)
SLOWLY = {"BACKFILL_BATCH_ROWS": "20", "BACKFILL_PAUSE_MS": "60"}
# All of them, and those of the largest project.
SETTLED = """
    SELECT ARRAY[sum(settled), (array_agg(settled ORDER BY rows DESC))[1]]::bigint[]
    FROM (SELECT count(storage_path) AS settled, count(*) AS rows FROM generations GROUP BY project_id) AS projects
"""
FOLLOWED_TO = "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn"
# What a cut between the two does, at once and for good.
FOLLOW_NO_MORE = ("ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
IS_FOLLOWING = "SELECT count(*) FROM pg_stat_wal_receiver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Old data on a primary and on a standby of it, and what must become of it."""

    primary: Server
    standby: Server
    expected: Filled

    @property
    def url(self) -> str:
        """As an operator writes it."""
        url = urlsplit(self.primary.url)
        login = url.netloc.rpartition("@")[0]
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"postgresql://{login}@{hosts}{url.path}?target_session_attrs=read-write"


async def ask(server: Server, *statements: str, about: str | None = None) -> Any:
    async with administrator(server.url) as session:
        for statement in statements[:-1]:
            await session.execute(statement)
        return await session.fetchval(statements[-1], *([about] if about else []))


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        here = stack.enter_context(quarters())
        primary = stack.enter_context(here.running(Primary(quarters=here)))
        migrate(primary.url, "e011ab9dd223")
        engine = open_engine(primary.url, application_name="test-old-data", command_timeout_seconds=None)
        await create_old_data(engine, SHAPE)
        await engine.dispose()
        migrate(primary.url, "head")
        async with new_database(primary.url, template=primary.url) as copy:
            await one_shot(copy)
            expected = await filled(copy)
        standby = stack.enter_context(here.running(Standby(quarters=here, primary_url=primary.url)))
        yield Pair(primary=primary, standby=standby, expected=expected)


async def test_a_run_goes_on_and_what_the_promoted_standby_lacks_is_done_again(
    pair: Pair, redis_url: str, spawn: Spawn
) -> None:
    env = environment_for(database_url=pair.url, redis_url=redis_url, **SLOWLY)
    worker = spawn(*WORKER, env=env)
    await until_ready(worker)
    async with watching(env) as watcher:
        recovery = Recovery(watcher, run_id := enqueue(env, "--pace", "fixed", "--parallel", "2")["id"])
        finished = await wait_until(lambda: ranges_finished(redis_url, run_id), 120)
        kept = await watcher.until_rows(run_id, (await watcher.run(run_id)).counts.rows_done + 100)
        await wait_until(lambda: is_marked(redis_url, run_id, since_ms=kept.seen_ms), 60)
        written = await ask(pair.primary, "SELECT pg_current_wal_lsn()::text")
        await wait_until(lambda: ask(pair.standby, FOLLOWED_TO, about=written), 60)
        await ask(pair.standby, *FOLLOW_NO_MORE)
        await wait_until(lambda: is_cut_off(pair.standby), 60)
        await watcher.until_rows(run_id, kept.counts.rows_done + 700, deadline_seconds=120)

        at_kill, largest_at_kill = await ask(pair.primary, SETTLED)
        os.kill(pair.primary.pid, signal.SIGQUIT)
        await ask(pair.standby, "SELECT pg_promote()")
        since, (left_over, largest_left_over) = time.monotonic(), await ask(pair.standby, SETTLED)
        failover = (await wait_until(lambda: watcher.events(run_id, "failover"), 60))[0].about
        await recovery.goes_on(since=since, rows_before=await recovery.rows_done())
        await watcher.control.set_pace(run_id, {"batch_rows": 2_000, "pause_ms": 0}, who="test")
        run = await asyncio.to_thread(wait_for_end, env, run_id)
        states = [event.about["action"] for event in await watcher.events(run_id, "state")]

    recovery.tell(f"failover of PostgreSQL that lost {at_kill - left_over} rows, from its promotion")
    assert left_over < at_kill
    assert 0 < largest_left_over < largest_at_kill < SHAPE.generations * SHAPE.giant_share
    assert failover["timeline"] == "2"
    assert finished.isdisjoint(failover["which"].split())
    assert 0 < int(failover["rows"]) < at_kill
    assert (run["state"], run["progress"]["rows_done"]) == ("succeeded", SHAPE.generations), run
    assert run["progress"]["rows_written"] > SHAPE.generations
    assert Action.REOPEN not in states
    assert await filled(pair.standby.url) == pair.expected
    assert await breaches(pair.standby.url) == []
    assert "The database was failed over, from timeline 1 to 2." in backfill("events", run_id, env=env).stdout
    assert "Traceback" not in worker.log


def ranges_finished(redis_url: str, run_id: str) -> set[str]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        ranges: Any = {key: client.hget(key, "stage") for key in client.scan_iter(f"backfill:run:{run_id}:range:*")}
    return {key.rpartition(":")[2] for key, stage in ranges.items() if stage == "settled"}


def is_marked(redis_url: str, run_id: str, *, since_ms: int) -> bool:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        marked: Any = client.lindex(f"backfill:run:{run_id}:marks", -1)
    return marked is not None and int(marked.split()[0]) >= since_ms


async def is_cut_off(standby: Server) -> bool:
    return bool(await ask(standby, IS_FOLLOWING) == 0)
