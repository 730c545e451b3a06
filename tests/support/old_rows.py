"""Rows as they were before the migration: no trigger has numbered them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def at_minute(minute: float) -> datetime:
    return LONG_AGO + timedelta(minutes=minute)


class OldRows:
    """Writes past the triggers, reads what became of it."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def add_user(self) -> None:
        await self.connection.execute(
            "INSERT INTO users (id, email, is_active, is_superuser, is_verified, total_generations)"
            " VALUES ('user', 'user@example.org', true, false, true, 0)"
        )

    async def add_project(self, project_id: str, *, minute: float = 0) -> None:
        await self.connection.execute(
            "INSERT INTO projects (id, user_id, name, tech_stack, status, is_public, created_at)"
            " VALUES ($1, 'user', 'A project', 'fastapi', 'active', false, $2)",
            project_id,
            at_minute(minute),
        )

    async def add(self, project_id: str, *generations: tuple[str, str, float]) -> None:
        """Generations as (id, status, minute of created_at)."""
        await self.connection.execute("SET session_replication_role = replica")
        await self.connection.executemany(
            "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration, created_at)"
            " VALUES ($1, $2, 'user', 'Build it', $3, false, $4)",
            [(generation_id, project_id, status, at_minute(minute)) for generation_id, status, minute in generations],
        )
        await self.connection.execute("SET session_replication_role = DEFAULT")

    async def add_many(self, project_id: str, count: int) -> None:
        """Completed generations `<project>-000001` and on, a minute apart."""
        await self.add(project_id, *((f"{project_id}-{n:06}", "completed", n) for n in range(1, count + 1)))

    async def versions(self, project_id: str) -> dict[str, int]:
        """Version by id, of assigned rows, in the order of their versions."""
        rows = await self.connection.fetch(
            "SELECT id, version FROM generations"
            " WHERE project_id = $1 AND storage_path IS NOT NULL ORDER BY version, id",
            project_id,
        )
        return {row["id"]: row["version"] for row in rows}

    async def unassigned(self, project_id: str) -> list[str]:
        rows = await self.connection.fetch(
            "SELECT id FROM generations WHERE project_id = $1 AND storage_path IS NULL ORDER BY id", project_id
        )
        return [row["id"] for row in rows]

    async def project(self, project_id: str) -> tuple[int, str | None]:
        """latest_version and active_generation_id."""
        row = await self.connection.fetchrow(
            "SELECT latest_version, active_generation_id FROM projects WHERE id = $1", project_id
        )
        return row["latest_version"], row["active_generation_id"]

    async def flagged(self, project_id: str) -> list[str]:
        rows = await self.connection.fetch(
            "SELECT id FROM generations WHERE project_id = $1 AND is_active ORDER BY id", project_id
        )
        return [row["id"] for row in rows]


@asynccontextmanager
async def old_rows(database_url: str) -> AsyncIterator[OldRows]:
    """With one user; the connection ends with the block."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = OldRows(connection)
        await rows.add_user()
        yield rows
    finally:
        await connection.close()
