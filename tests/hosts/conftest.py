"""Two hosts, and servers that both of them reach."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from backfill.sql.database import open_engine
from backfill.store.client import open_redis
from backfill.urls import ServerUrls
from tests.support import namespaces
from tests.support.databases import migrate, new_database
from tests.support.expected import Filled, filled, one_shot
from tests.support.namespaces import Network
from tests.support.reachable_servers import ReachablePostgres, ReachableValkey
from tests.support.started_servers import quarters
from worker.demo.old_data import OldDataShape, create_old_data

SHAPE = OldDataShape(projects=1_000, generations=10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class OldData:
    url: str
    expected: Filled


@pytest.fixture(scope="session")
def two_hosts() -> Iterator[Network]:
    if reason := namespaces.why_not():
        pytest.skip(reason)
    with namespaces.network(2) as network:
        yield network


@pytest.fixture(scope="session")
def shared_servers(two_hosts: Network) -> Iterator[ServerUrls]:
    with quarters() as place:
        postgres = ReachablePostgres(place=place.place, address=two_hosts.address)
        valkey = ReachableValkey(place=place.place, address=two_hosts.address)
        with place.running(postgres) as database, place.running(valkey) as redis:
            yield ServerUrls(database_url=database.url, redis_url=redis.url)


@pytest.fixture(autouse=True)
async def no_runs(shared_servers: ServerUrls) -> None:
    """Of the tests before, whose workers are gone: a run that goes on would stand in the way of the next one."""
    redis = open_redis(shared_servers.redis_url, timeout_seconds=5.0)
    await redis.flushall()
    await redis.aclose(close_connection_pool=True)


@pytest.fixture
async def old_data(shared_servers: ServerUrls) -> AsyncIterator[OldData]:
    """10 000 generations in 1 000 projects, migrated, nothing backfilled yet; and what must become of them."""
    async with new_database(shared_servers.database_url) as url:
        migrate(url, "e011ab9dd223")
        engine = open_engine(url, application_name="test-old-data", command_timeout_seconds=None)
        await create_old_data(engine, SHAPE)
        await engine.dispose()
        migrate(url, "head")
        async with new_database(shared_servers.database_url, template=url) as copy:
            await one_shot(copy)
            expected = await filled(copy)
        yield OldData(url=url, expected=expected)
