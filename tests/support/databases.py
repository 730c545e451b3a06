"""Databases for tests: templates that Alembic has migrated, and a fresh copy of one for each test."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from tests.support.commands import environment_for
from tests.support.forked import run

_CREATE = Path(__file__).with_name("create_database.sql").read_text(encoding="utf-8")
_DROP = Path(__file__).with_name("drop_database.sql").read_text(encoding="utf-8")
_EMPTY = "template0"


@asynccontextmanager
async def new_database(server_url: str, *, template: str | None = None) -> AsyncIterator[str]:
    """The URL of a database on that server that is there for this block only; `template` is the URL of its model."""
    name = f"test_{secrets.token_hex(6)}"
    await _execute(server_url, _CREATE.format(name=name, template=_name_in(template) if template else _EMPTY))
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        await _execute(server_url, _DROP.format(name=name))


async def drop_databases(server_url: str, *names: str) -> None:
    """Those that are there."""
    for name in names:
        await _execute(server_url, _DROP.format(name=name))


def migrate(database_url: str, revision: str) -> None:
    """With the command that an operator uses."""
    done = run("alembic", "upgrade", revision, env=environment_for(database_url=database_url))
    assert done.returncode == 0, f"alembic upgrade {revision}: {done.stdout}{done.stderr}"


def _name_in(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


async def _execute(server_url: str, statement: str) -> None:
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
