from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tests.alembic_online.support import ALEMBIC, alembic, shape
from tests.alembic_online.test_directives import WRONG_ROWS
from tests.conftest import Connect, Spawn
from tests.support.commands import environment_for
from tests.support.waiting import wait_until

BARRIER = Path(__file__).with_name("seen.sql")
STOPPED_AT = "SELECT query FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
# Of a process that is dead: the server finds that out within half a second by itself.
END_SESSION = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE wait_event = 'advisory' AND datname = current_database()"
)
LEFT = (
    "SELECT NOT EXISTS (SELECT FROM pg_stat_activity"
    " WHERE application_name = 'backfill-migration' AND datname = current_database())"
)


@asynccontextmanager
async def writing(connection: Any) -> AsyncIterator[list[int]]:
    """One statement of the old release after the other; it names no new column. How many there were."""
    over, done = asyncio.Event(), [0]

    async def write() -> None:
        for number in count(1_000_000):
            if over.is_set():
                return
            await connection.execute("INSERT INTO orders (customer_id, total) VALUES ($1, 1)", number % 100 + 1)
            await connection.execute("UPDATE orders SET note = 'again ' || id WHERE id = $1", number % 3000 + 1)
            # A literal, as it is right for either type.
            await connection.execute(
                """INSERT INTO sales."Customers" (email, age) VALUES ($1, '7')""", f"w{number * 90 + 7}@x"
            )
            done[0] += 3

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        try:
            yield done
        finally:
            over.set()


async def test_a_revision_killed_before_each_definition_comes_to_the_same_end(
    tables: str, connect: Connect, spawn: Spawn
) -> None:
    observer = await connect(tables)
    await observer.execute(BARRIER.read_text(encoding="utf-8"))
    kills = 0

    async with writing(await connect(tables)) as statements:
        while True:
            upgrade = spawn(*ALEMBIC, "upgrade", "0002", env=environment_for(database_url=tables))
            stopped = await wait_until(_stopped_or_over(observer, upgrade), 60)
            upgrade.kill()
            await observer.execute(END_SESSION)
            await wait_until(lambda: observer.fetchval(LEFT), 30)
            if stopped is True:
                break
            await observer.execute("INSERT INTO barrier.seen VALUES ($1)", stopped)
            kills += 1
    await observer.execute("DROP EVENT TRIGGER barrier")
    await observer.execute("DROP SCHEMA barrier CASCADE")

    assert upgrade.exit_code == 0, upgrade.log
    assert kills > 20
    assert statements[0] > kills
    assert await observer.fetchval(WRONG_ROWS) == 0
    killed = shape(tables)
    assert alembic("downgrade", "0001", url=tables).returncode == 0
    assert alembic("upgrade", "0002", url=tables).returncode == 0
    assert killed == shape(tables)


def _stopped_or_over(observer: Any, upgrade: Any) -> Callable[[], Awaitable[object]]:
    """At which statement; True: it has ended by itself."""

    async def ask() -> object:
        if upgrade.exit_code is not None:
            return True
        return await observer.fetchval(STOPPED_AT)

    return ask
