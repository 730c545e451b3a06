from __future__ import annotations

import asyncio
import time
from typing import Any

import asyncpg
import pytest

from tests.alembic_online.support import ALEMBIC, alembic
from tests.alembic_online.test_directives import WRONG_ROWS
from tests.alembic_online.test_killed import writing
from tests.conftest import Connect, Spawn
from tests.support.commands import environment_for
from tests.support.waiting import again_and_again, in_time

LOCK_TIMEOUT_MS = 150
LOOK_EVERY_SECONDS = 0.01
# As the server has it: how long the application's sessions have been waiting for a lock.
WAITING_MS = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - query_start)), 0)::float8 * 1000
FROM pg_stat_activity WHERE pid = ANY ($1) AND wait_event_type = 'Lock'
"""
READ_AND_IDLE = 'SELECT count(*) FROM orders, sales."Customers" WHERE false'


class Waits:
    """In seconds. A machine with other things to do keeps a look waiting as it keeps the end of a lock_timeout."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.stalled = 0.0

    async def look(self, observer: asyncpg.Connection, pids: list[int]) -> None:
        last = time.monotonic()
        async for _ in again_and_again(LOOK_EVERY_SECONDS):
            self.longest = max(self.longest, await observer.fetchval(WAITING_MS, pids) / 1_000)
            self.stalled = max(self.stalled, time.monotonic() - last - LOOK_EVERY_SECONDS)
            last = time.monotonic()


@pytest.mark.parametrize("way", [("upgrade", "0002"), ("downgrade", "0001")], ids=lambda way: way[0])
async def test_no_statement_of_the_application_waits_longer_than_the_lock_timeout(
    tables: str, connect: Connect, spawn: Spawn, way: tuple[str, str]
) -> None:
    before = alembic("upgrade", "0002" if way[0] == "downgrade" else "0001", url=tables)
    assert before.returncode == 0, before.stderr
    application, reader, idle, observer = [await connect(tables) for _ in range(4)]
    pids = [application.get_server_pid(), reader.get_server_pid()]
    waits = Waits()
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

    async with writing(application) as statements:
        beside = [asyncio.create_task(one()) for one in (read, idle_now_and_then)]
        beside.append(asyncio.create_task(waits.look(observer, pids)))
        migration = spawn(*ALEMBIC, *way, env=env)
        exit_code = await asyncio.to_thread(migration.wait, 120)
        await _cancelled(beside)

    assert exit_code == 0, migration.log
    assert statements[0] > 0
    assert waits.longest > 0
    assert in_time(waits.longest, LOCK_TIMEOUT_MS / 1_000 + 0.05 + waits.stalled, "waiting for a lock")
    assert way[0] == "downgrade" or await (await connect(tables)).fetchval(WRONG_ROWS) == 0


async def _cancelled(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
