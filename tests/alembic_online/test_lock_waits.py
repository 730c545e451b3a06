from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.alembic_online.support import ALEMBIC, alembic
from tests.alembic_online.test_directives import WRONG_ROWS
from tests.alembic_online.test_killed import writing
from tests.conftest import Connect, Spawn
from tests.support.commands import environment_for
from tests.support.waiting import again_and_again

LOCK_TIMEOUT_MS = 150
# As the server has it, so that a machine with other things to do makes no difference: how long the application's
# sessions have been waiting for a lock.
WAITING_MS = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - query_start)), 0)::float8 * 1000
FROM pg_stat_activity WHERE pid = ANY ($1) AND wait_event_type = 'Lock'
"""
READ_AND_IDLE = 'SELECT count(*) FROM orders, sales."Customers" WHERE false'


@pytest.mark.parametrize("way", [("upgrade", "0002"), ("downgrade", "0001")], ids=lambda way: way[0])
async def test_no_statement_of_the_application_waits_longer_than_the_lock_timeout(
    tables: str, connect: Connect, spawn: Spawn, way: tuple[str, str]
) -> None:
    before = alembic("upgrade", "0002" if way[0] == "downgrade" else "0001", url=tables)
    assert before.returncode == 0, before.stderr
    application, reader, idle, observer = [await connect(tables) for _ in range(4)]
    pids = [application.get_server_pid(), reader.get_server_pid()]
    longest = 0.0
    env = environment_for(database_url=tables, BACKFILL_MIGRATION_LOCK_TIMEOUT_MS=str(LOCK_TIMEOUT_MS))

    async def read() -> None:
        while True:
            await reader.fetchval(READ_AND_IDLE)

    async def idle_now_and_then() -> None:
        """The lock is held for longer than the migration waits for it."""
        while True:
            async with idle.transaction():
                await idle.fetchval(READ_AND_IDLE)
                await idle.fetchval("SELECT pg_sleep(0.3)")
            await idle.fetchval("SELECT pg_sleep(0.1)")

    async def look() -> None:
        nonlocal longest
        async for _ in again_and_again(0.01):
            longest = max(longest, await observer.fetchval(WAITING_MS, pids))

    async with writing(application) as statements:
        beside = [asyncio.create_task(one()) for one in (read, idle_now_and_then, look)]
        migration = spawn(*ALEMBIC, *way, env=env)
        exit_code = await asyncio.to_thread(migration.wait, 120)
        await _cancelled(beside)

    assert exit_code == 0, migration.log
    assert statements[0] > 0
    assert 0 < longest <= LOCK_TIMEOUT_MS + 50
    assert way[0] == "downgrade" or await (await connect(tables)).fetchval(WRONG_ROWS) == 0


async def _cancelled(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
