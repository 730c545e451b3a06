"""An empty database of its own for each test, and the definition's side of it: an engine with limits."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.sql.database import open_engine
from backfill.urls import ServerUrls
from tests.support.databases import new_database


@pytest.fixture
async def database(servers: ServerUrls) -> AsyncIterator[str]:
    """URL of a database without tables: a definition's test makes its own."""
    async with new_database(servers.database_url) as url:
        yield url


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(database, application_name="test-definitions")
    yield opened
    await opened.dispose()


@pytest.fixture
async def sql(database: str) -> AsyncIterator[asyncpg.Connection]:
    """A session of the application's."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()
