"""What tests of the migration share: the old application's writes, and commands against one database."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from backfill.embedded.wheels import find_wheels
from tests.support.commands import environment_for, run_command
from tests.support.forked import run

ALEMBIC = ("alembic",)
OLD_REVISION = "e011ab9dd223"
HEAD = "39e7f45c72f1"
RAISE = "UPDATE projects SET latest_version = $2 WHERE id = $1"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def alembic(*arguments: str, url: str | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
    return run(*ALEMBIC, *arguments, env=environment_for(database_url=url, **settings))


def at_minute(minute: float) -> datetime:
    return LONG_AGO + timedelta(minutes=minute)


def flat_path(generation_id: str) -> str:
    return f"./storage/projects/{generation_id}"


class Application:
    """Writes as the application does that knows nothing of versions; `connection` for everything else."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def add_user(self) -> None:
        await self.connection.execute(
            "INSERT INTO users (id, email, is_active, is_superuser, is_verified, total_generations)"
            " VALUES ('user', 'user@example.org', true, false, true, 0)"
        )

    async def add_project(self, project_id: str) -> None:
        await self.connection.execute(
            "INSERT INTO projects (id, user_id, name, tech_stack, status, is_public)"
            " VALUES ($1, 'user', 'A project', 'fastapi', 'active', false)",
            project_id,
        )

    async def add(self, generation_id: str, project_id: str, status: str = "pending", *, minute: float = 0) -> None:
        await self.connection.execute(
            "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration, created_at)"
            " VALUES ($1, $2, 'user', 'Build it', $3, false, $4)",
            generation_id,
            project_id,
            status,
            at_minute(minute),
        )

    async def add_as_next_release(self, generation_id: str, project_id: str, *, version: int) -> None:
        """As the release does that counts for itself and keeps files in places of its own."""
        await self.connection.execute(
            "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration, version, storage_path)"
            " VALUES ($1, $2, 'user', 'Build it', 'pending', false, $3, $4)",
            generation_id,
            project_id,
            version,
            f"./storage/own/{generation_id}",
        )

    async def complete(self, generation_id: str) -> None:
        await self.connection.execute("UPDATE generations SET status = 'completed' WHERE id = $1", generation_id)

    async def add_unsettled_project(self, project_id: str, *generation_ids: str) -> None:
        """Rows as they were before the migration: written while no trigger looked."""
        await self.add_project(project_id)
        await self.connection.execute("SET session_replication_role = replica")
        for minute, generation_id in enumerate(generation_ids):
            await self.add(generation_id, project_id, minute=minute)
        await self.connection.execute("SET session_replication_role = origin")

    async def add_settled_project(self, project_id: str, *generation_ids: str) -> None:
        """The first generation at minute 0, the next at minute 1, and so on."""
        await self.add_project(project_id)
        for minute, generation_id in enumerate(generation_ids):
            await self.add(generation_id, project_id, minute=minute)

    async def version(self, generation_id: str) -> int | None:
        """None: unassigned."""
        row = await self.connection.fetchrow(
            "SELECT version, storage_path FROM generations WHERE id = $1", generation_id
        )
        return row["version"] if row["storage_path"] is not None else None

    async def versions(self, *generation_ids: str) -> list[int | None]:
        return [await self.version(generation_id) for generation_id in generation_ids]

    async def storage_path(self, generation_id: str) -> str | None:
        path: str | None = await self.connection.fetchval(
            "SELECT storage_path FROM generations WHERE id = $1", generation_id
        )
        return path

    async def latest_version(self, project_id: str) -> int:
        latest: int = await self.connection.fetchval("SELECT latest_version FROM projects WHERE id = $1", project_id)
        return latest

    async def active(self, project_id: str) -> str | None:
        """The active generation, after asserting that the two places that say so agree."""
        pointer: str | None = await self.connection.fetchval(
            "SELECT active_generation_id FROM projects WHERE id = $1", project_id
        )
        flagged = await self.connection.fetch(
            "SELECT id FROM generations WHERE project_id = $1 AND is_active", project_id
        )
        assert [row["id"] for row in flagged] == ([pointer] if pointer else [])
        return pointer


async def backend_waits(observer: Any, pid: int) -> bool:
    """Whether this session of the server is waiting for a lock at this moment."""
    waits: bool = await observer.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", pid)
    return waits


async def schema_dump(url: str) -> str:
    """By pg_dump, without the lines that differ from call to call."""
    done = run_command(
        str(client_program("pg_dump")), "--schema-only", "--no-owner", f"--dbname={url}", env=environment_for()
    )
    assert done.returncode == 0, done.stderr
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def psql(url: str, script: str, *, stop_at_errors: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [client_program("psql"), "-X", "-q", "-v", f"ON_ERROR_STOP={int(stop_at_errors)}", "-d", url],
        input=script,
        env=environment_for(),
        timeout=60,
        capture_output=True,
        text=True,
        check=False,
    )


def client_program(name: str) -> Path:
    """From the wheel: clients work with servers of their own version and of older ones."""
    return find_wheels().postgres(name)
