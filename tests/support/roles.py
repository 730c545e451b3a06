"""Roles of one test: those of an application that is there already, and those that docs/roles.sql makes.

Roles belong to the whole server, so each test has names of its own, and drops them when its database is gone.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from backfill.embedded.wheels import find_wheels
from backfill.runs.errors import EmbeddedUnavailable
from tests.support.commands import REPOSITORY, environment_for, run_command

ROLES_SQL = REPOSITORY / "docs" / "roles.sql"
APPLICATION_SQL = Path(__file__).with_name("roles.sql")
_PASSWORD = "hunter2"
_PROJECTS = (
    "INSERT INTO users (id, email, is_active, is_superuser, is_verified, total_generations)"
    " VALUES ('user', 'user@example.org', true, false, true, 0) ON CONFLICT DO NOTHING;"
    "INSERT INTO projects (id, user_id, name, tech_stack, status, is_public)"
    " SELECT id, 'user', 'A project', 'fastapi', 'active', false FROM unnest('{new,other}'::text[]) AS id"
    " ON CONFLICT DO NOTHING;"
)
_GENERATION = (
    "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration)"
    " VALUES ('live', 'new', 'user', 'Build it', 'completed', false)"
)


def find_psql() -> str | None:
    """The system's, which knows TLS, or else the wheel's."""
    try:
        return shutil.which("psql") or str(find_wheels().postgres("psql"))
    except EmbeddedUnavailable:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Their names."""

    owner: str
    application: str
    migrator: str
    worker: str
    api: str

    def url(self, database_url: str, role: str) -> str:
        """To log in under one of them."""
        parts = urlsplit(database_url)
        return parts._replace(netloc=f"{role}:{_PASSWORD}@{parts.hostname}:{parts.port}").geturl()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database and the roles on it."""

    url: str
    redis_url: str
    roles: Roles

    def env(self, role: str) -> dict[str, str]:
        return environment_for(database_url=self.roles.url(self.url, role), redis_url=self.redis_url)

    def apply(self, file: Path = ROLES_SQL) -> subprocess.CompletedProcess[str]:
        """As an administrator does."""
        variables = [word for name, role in asdict(self.roles).items() for word in ("-v", f"{name}={role}")]
        psql = find_psql()
        assert psql is not None
        done = run_command(psql, "-X", *variables, "-f", str(file), self.url, env=environment_for())
        assert done.returncode == 0, done.stderr
        return done

    async def set_passwords(self) -> None:
        for role in await existing(self.url, self.roles):
            await self.execute(f"ALTER ROLE {role} PASSWORD '{_PASSWORD}'")

    async def execute(self, statements: str, role: str | None = None) -> None:
        connection = await asyncpg.connect(self.roles.url(self.url, role) if role else self.url)
        try:
            await connection.execute(statements)
        finally:
            await connection.close()

    async def denied(self, statement: str, role: str) -> bool:
        try:
            await self.execute(statement, role)
        except asyncpg.InsufficientPrivilegeError:
            return True
        return False

    async def fetch(self, query: str, *values: object) -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(self.url)
        try:
            return [tuple(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()

    async def add_live_row(self) -> None:
        """A completed generation `live` in project `new`, as the application inserts it; project `other` has none."""
        await self.execute(_PROJECTS)
        await self.execute(_GENERATION, self.roles.application)


async def existing(url: str, roles: Roles) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        names = list(asdict(roles).values())
        return [
            row["rolname"]
            for row in await connection.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)", names)
        ]
    finally:
        await connection.close()


@asynccontextmanager
async def roles_of_a_test(server_url: str) -> AsyncIterator[Roles]:
    """Open the test's database inside this block: a role that still has rights somewhere cannot be dropped."""
    suffix = secrets.token_hex(4)
    kinds = ("owner", "application", "migrator", "worker", "api")
    roles = Roles(**{kind: f"test_{kind}_{suffix}" for kind in kinds})
    try:
        yield roles
    finally:
        connection = await asyncpg.connect(server_url)
        for role in await existing(server_url, roles):
            await connection.execute(f"DROP ROLE {role}")
        await connection.close()
