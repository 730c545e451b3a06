"""What tests of the backfill on a real database share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from backfill.embedded.server import Server
from backfill.sql.database import open_engine
from backfill.sql.transactions import Limits
from backfill.urls import ServerUrls
from tests.support import several_servers
from tests.support.canaries import Canaries
from tests.support.databases import migrate, new_database
from tests.support.old_rows import OldRows, old_rows
from tests.support.roles import APPLICATION_SQL, Place, roles_of_a_test
from tests.support.standby import Primary
from tests.support.started_servers import quarters
from worker.generations.backfill import GenerationVersions

LIMITS = Limits(
    lock_timeout_ms=500, statement_timeout_ms=5000, scan_timeout_ms=30_000, idle_in_transaction_timeout_ms=5000
)


@pytest.fixture
def canaries() -> Iterator[Canaries]:
    """Whatever the test does besides: none of them was to be seen."""
    made = Canaries()
    yield made
    assert made.leaks() == []


@pytest.fixture
async def backfill(database: str) -> AsyncIterator[GenerationVersions]:
    engine = open_engine(database, application_name="test-backfill")
    yield GenerationVersions(engine, LIMITS)
    await engine.dispose()


@pytest.fixture
async def rows(database: str) -> AsyncIterator[OldRows]:
    async with old_rows(database) as written:
        yield written


@pytest.fixture
async def application(database: str) -> AsyncIterator[asyncpg.Connection]:
    """A second session, as the live application has them."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
async def superusers(servers: ServerUrls, template_e011: str, redis_url: str) -> AsyncIterator[Place]:
    """Before the migration: everything belongs to a superuser, and there are no roles yet."""
    async with (
        roles_of_a_test(servers.database_url) as roles,
        new_database(servers.database_url, template=template_e011) as url,
    ):
        yield Place(url=url, redis_url=redis_url, roles=roles)


@pytest.fixture
async def before(superusers: Place) -> Place:
    """Before the migration: an owner, an application that may use today's columns, and docs/roles.sql applied once."""
    superusers.apply(APPLICATION_SQL)
    superusers.apply()
    await superusers.set_passwords()
    return superusers


@pytest.fixture
async def after(before: Place) -> Place:
    """Migrated by the migrator, and docs/roles.sql applied again."""
    migrate(before.roles.url(before.url, before.roles.migrator), "head")
    before.apply()
    return before


@pytest.fixture(scope="module")
def another() -> Iterator[Server]:
    """A cluster beside the one that tests share."""
    with quarters() as place, place.running(Primary(quarters=place)) as server:
        yield server


@pytest.fixture
async def one_cluster(servers: ServerUrls, redis_url: str) -> AsyncIterator[several_servers.Place]:
    async with several_servers.place_on(servers.database_url, servers.database_url, redis_url) as place:
        yield place


@pytest.fixture
async def two_clusters(servers: ServerUrls, another: Server, redis_url: str) -> AsyncIterator[several_servers.Place]:
    async with several_servers.place_on(servers.database_url, another.url, redis_url) as place:
        yield place
