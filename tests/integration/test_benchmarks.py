"""Benchmarks on servers of somebody's."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from backfill.runs.errors import UsageError
from benchmarks.databases import checkpoint, copied


@pytest.fixture
async def ordinary(database: str) -> AsyncIterator[str]:
    """URL of that database for a role that may log in, and nothing else."""
    role = f"test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(database)
    await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'hunter2'")
    server = urlsplit(database)
    yield server._replace(netloc=f"{role}:hunter2@{server.hostname}:{server.port}").geturl()
    await connection.execute(f"DROP ROLE {role}")
    await connection.close()


async def test_a_role_that_may_not_make_databases_is_told_so(ordinary: str, database: str) -> None:
    with pytest.raises(UsageError, match=r"permission denied to create database.* take a superuser"):
        async with copied(ordinary, database):
            pass


async def test_a_role_that_may_make_no_checkpoint_is_told_so(ordinary: str) -> None:
    with pytest.raises(UsageError, match=r"CHECKPOINT|checkpoint"):
        await checkpoint(ordinary)
