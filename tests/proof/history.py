"""A passive history of what happened to numbers, places and active generations, for the oracle alone.

It is installed on the migrated schema, at once with a copy of the state it begins from, because it names the new
columns; a downgrade needs it to be removed first. What the sync triggers did before it is in the copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import asyncpg

from backfill.sql.files import read_sql
from tests.support.waiting import wait_until

_SQL = Path(__file__).with_name("sql") / "history"
_DEADLINE_SECONDS = 60.0


async def install_history(database_url: str) -> None:
    """After the migration and before the first worker. The application may be writing: it waits for a moment. Like the
    migration's own steps this gives its locks back long before the application could be chosen as a deadlock's victim.
    """
    await _execute(database_url, "install")


async def remove_history(database_url: str) -> None:
    """Before a downgrade."""
    await _execute(database_url, "remove")


@dataclass(frozen=True, slots=True)
class History:
    """Where it begins, and what happened since, in the order of `seq`."""

    projects: list[asyncpg.Record]
    generations: list[asyncpg.Record]
    events: list[asyncpg.Record]


async def read_history(connection: asyncpg.Connection[asyncpg.Record]) -> History:
    return History(
        projects=await connection.fetch(read_sql(_SQL / "read_projects.sql")),
        generations=await connection.fetch(read_sql(_SQL / "read_generations.sql")),
        events=await connection.fetch(read_sql(_SQL / "read_events.sql")),
    )


async def _execute(database_url: str, name: str) -> None:
    connection = await asyncpg.connect(database_url, server_settings={"lock_timeout": "200ms"})

    async def done() -> bool:
        try:
            async with connection.transaction():
                await connection.execute(read_sql(_SQL / f"{name}.sql"))
        except asyncpg.LockNotAvailableError:
            return False
        return True

    try:
        await wait_until(done, _DEADLINE_SECONDS)
    finally:
        await connection.close()
