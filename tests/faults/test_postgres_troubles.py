"""PostgreSQL goes away, comes back, refuses to write, refuses connections, loses answers: the run outlasts it all."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from backfill.runs.states import State
from tests.conftest import Spawn
from tests.faults.conftest import BATCH_ROWS, OldDatabase
from tests.support.commands import Spawned
from tests.support.cutting_proxy import cutting_proxy
from tests.support.forked import backfill
from tests.support.own_servers import OwnServers, administrator
from tests.support.recovery import Recovery
from tests.support.runs import WORKER, enqueue, until_ready
from tests.support.waiting import wait_until

RESTARTS = 3
STORMS = 10
CUTS = 12
TERMINATE_WORKERS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE application_name = 'backfill-worker' AND datname = $1"
)


async def working(old_database: OldDatabase, spawn: Spawn, **more: str) -> tuple[Spawned, str, Recovery]:
    """A worker in the middle of a run."""
    worker = spawn(*WORKER, env=old_database.env | more)
    await until_ready(worker)
    run_id = enqueue(old_database.env)["id"]
    await old_database.watcher.until_rows(run_id, 200)
    return worker, run_id, Recovery(old_database.watcher, run_id)


def name_of(database: OldDatabase) -> str:
    return urlsplit(database.url).path.removeprefix("/")


async def test_three_immediate_stops_of_postgres_are_waited_out(
    own_servers: OwnServers, old_database: OldDatabase, spawn: Spawn
) -> None:
    worker, run_id, recovery = await working(old_database, spawn)

    for _ in range(RESTARTS):
        at_stop, since = await recovery.rows_done(), time.monotonic()
        await own_servers.stop_postgres_immediately()
        await recovery.goes_on(since=since, rows_before=at_stop + 50)

    recovery.tell(f"{RESTARTS} immediate stops of PostgreSQL")
    await old_database.ends_right(run_id)
    assert "Traceback" not in worker.log


async def test_storms_of_terminated_backends_are_waited_out(
    own_servers: OwnServers, old_database: OldDatabase, spawn: Spawn
) -> None:
    worker, run_id, recovery = await working(old_database, spawn)

    async with administrator(own_servers.urls.database_url) as session:
        for _ in range(STORMS):
            # A worker may be between two connections at the moment.
            await wait_until(lambda: session.fetchval(TERMINATE_WORKERS, name_of(old_database)))
            at_storm, since = await recovery.rows_done(), time.monotonic()
            await recovery.goes_on(since=since, rows_before=at_storm + 50)

    recovery.tell(f"{STORMS} storms")
    await old_database.ends_right(run_id)
    assert "Traceback" not in worker.log


async def test_a_read_only_database_pauses_the_run_with_the_reason_and_resume_goes_on(
    own_servers: OwnServers, old_database: OldDatabase, spawn: Spawn
) -> None:
    worker, run_id, recovery = await working(old_database, spawn)

    async with administrator(own_servers.urls.database_url) as session:
        name = name_of(old_database)
        since = time.monotonic()
        await session.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await session.fetchval(TERMINATE_WORKERS, name)
        paused = await old_database.watcher.until_state(run_id, State.PAUSED)
        paused_after = time.monotonic() - since
        await session.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    resumed = backfill("resume", run_id, env=old_database.env)
    await recovery.goes_on(since=time.monotonic(), rows_before=paused.counts.rows_done)

    recovery.tell(f"read-only, paused after {paused_after:.1f} s, then resumed")
    assert paused.error is not None
    assert "is read-only" in paused.error
    assert resumed.returncode == 0
    await old_database.ends_right(run_id)
    assert "Traceback" not in worker.log


@asynccontextmanager
async def ordinary_role(session: asyncpg.Connection, database: OldDatabase) -> AsyncIterator[tuple[str, str]]:
    """A role that limits apply to, and the URL with which it may work on the database."""
    role = f"worker_of_{name_of(database)}"
    await session.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    owner = await asyncpg.connect(database.url)
    try:
        await owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        await owner.close()
        parts = urlsplit(database.url)
        address = parts.netloc.rpartition("@")[2]
        yield role, parts._replace(netloc=f"{role}:secret@{address}").geturl()
    finally:
        owner = await asyncpg.connect(database.url)
        await owner.execute(f"DROP OWNED BY {role}")
        await owner.close()
        await session.execute(f"DROP ROLE {role}")


async def test_a_database_without_a_free_connection_pauses_the_run_with_the_reason(
    own_servers: OwnServers, old_database: OldDatabase, spawn: Spawn
) -> None:
    async with (
        administrator(own_servers.urls.database_url) as session,
        ordinary_role(session, old_database) as (role, url),
    ):
        worker, run_id, recovery = await working(old_database, spawn, DATABASE_URL=url)
        await session.execute(f"ALTER ROLE {role} CONNECTION LIMIT 0")
        await session.fetchval(TERMINATE_WORKERS, name_of(old_database))
        paused = await old_database.watcher.until_state(run_id, State.PAUSED)
        await session.execute(f"ALTER ROLE {role} CONNECTION LIMIT -1")
        resumed = backfill("resume", run_id, env=old_database.env)
        await recovery.goes_on(since=time.monotonic(), rows_before=paused.counts.rows_done)
        recovery.tell("no connection left, paused, then resumed")
        await old_database.ends_right(run_id)
        worker.end()

    assert paused.error is not None
    assert "has no connection left" in paused.error
    assert resumed.returncode == 0
    assert "Traceback" not in worker.log


async def test_a_commit_whose_answer_is_lost_is_neither_lost_nor_done_twice(
    old_database: OldDatabase, spawn: Spawn
) -> None:
    async with cutting_proxy(old_database.url, cuts=CUTS, one_in=8) as (url, proxy):
        worker = spawn(*WORKER, env=old_database.env | {"DATABASE_URL": url})
        await until_ready(worker)
        run_id = enqueue(old_database.env)["id"]
        await wait_until(lambda: proxy.cuts_left == 0, 60)
        recovery = Recovery(old_database.watcher, run_id)
        await recovery.goes_on(since=time.monotonic(), rows_before=await recovery.rows_done() + 50)
        run = await old_database.ends_right(run_id)
        worker.end()

    recovery.tell(f"{CUTS} lost answers to COMMIT")
    assert run["progress"]["rows_written"] < old_database.generations, "no answer to a batch was lost"
    assert "Traceback" not in worker.log
    await wait_until(lambda: _updates_once(old_database.url, old_database.generations), 30)


async def _updates_once(url: str, generations: int) -> bool:
    """Whether PostgreSQL has counted one update per row; it hears of them when a session ends. The active generation of
    a project that is settled in parts may take a second one, which is much less than a batch done twice."""
    connection = await asyncpg.connect(url)
    try:
        counted: Any = await connection.fetchval(
            "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'generations'"
        )
        return bool(generations <= counted < generations + BATCH_ROWS)
    finally:
        await connection.close()
