from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from backfill.urls import ServerUrls
from tests.alembic_online.support import add_rows, alembic
from tests.support.databases import new_database

ROWS = 3_000


@pytest.fixture(scope="session")
async def template_0001(servers: ServerUrls) -> AsyncIterator[str]:
    """Two tables with rows in them."""
    async with new_database(servers.database_url) as url:
        done = alembic("upgrade", "0001", url=url)
        assert done.returncode == 0, done.stderr
        connection = await asyncpg.connect(url)
        await add_rows(connection, ROWS)
        await connection.close()
        yield url


@pytest.fixture
async def tables(servers: ServerUrls, template_0001: str) -> AsyncIterator[str]:
    """URL of a database of this test's own."""
    async with new_database(servers.database_url, template=template_0001) as url:
        yield url
