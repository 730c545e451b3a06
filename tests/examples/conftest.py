"""The example application on a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import asyncpg
import pytest

from backfill.testing.databases import migrate
from backfill.urls import ServerUrls
from tests.support.databases import new_database
from tests.support.shop import HOME, Shop, shop_on_the_path


@pytest.fixture(scope="session")
def backfill_servers(servers: ServerUrls) -> ServerUrls:
    """Those of all tests, for the plugin too."""
    return servers


@pytest.fixture(scope="session")
def backfill_schema(backfill_servers: ServerUrls) -> Callable[[str], None]:
    return lambda url: migrate(url, backfill_servers.redis_url, HOME, "head")


@pytest.fixture(scope="module")
def definitions() -> Iterator[ModuleType]:
    """The package of the example that has them."""
    with shop_on_the_path():
        yield import_module("shop.backfills")


@pytest.fixture
async def database(servers: ServerUrls) -> AsyncIterator[str]:
    """URL of an empty database."""
    async with new_database(servers.database_url) as url:
        yield url


@pytest.fixture
async def sql(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
def shop(database: str, redis_url: str, tmp_path: Path) -> Iterator[Shop]:
    opened = Shop(database, redis_url, tmp_path)
    yield opened
    opened.end()
