"""Servers, databases and processes for all tests.

The servers are the project's own embedded ones, in a folder of the tests, or the ones that
TEST_DATABASE_URL and TEST_REDIS_URL name: there, databases are made and dropped, and the Redis
databases 1 to 15 are emptied. TEST_TEMPLATE_E011 and TEST_TEMPLATE_HEAD name databases of that server
that another session has migrated already, which saves seconds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

import asyncpg
import pytest
import redis
from xdist.scheduler import LoadScopeScheduling

from backfill.embedded import use_embedded
from backfill.embedded.locks import FileLock
from backfill.urls import ServerUrls
from tests.support import commands, forked
from tests.support.commands import REPOSITORY, Spawned, environment_for
from tests.support.databases import migrate, new_database

OLD_REVISION = "e011ab9dd223"
REDIS_DATABASES = range(1, 16)
# One after the other in one process: they break the servers that they share, or look at what was made once for all.
TOGETHER = (
    "tests/faults/",
    "tests/proof/campaign/",
    "tests/proof/test_oracle_can_fail.py",
    "tests/integration/test_autopilot_signals.py",
    "tests/integration/test_demo.py",
    "tests/integration/test_urls_that_lead_to_servers.py",
    "tests/wheel/",
)

Connect = Callable[[str], Awaitable[Any]]
Spawn = Callable[..., Spawned]


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # ships no types
    """Where several tests run at once, each by itself, but for those that belong together."""

    def _split_scope(self, nodeid: str) -> str:
        return next((scope for scope in TOGETHER if nodeid.startswith(scope)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    return Scheduling(config, log)


@pytest.fixture(scope="session")
def servers() -> Iterator[ServerUrls]:
    database_url = os.environ.get("TEST_DATABASE_URL")
    redis_url = os.environ.get("TEST_REDIS_URL")
    if database_url and redis_url:
        yield ServerUrls(database_url=database_url, redis_url=redis_url)
        return
    with use_embedded(REPOSITORY / "tests" / ".embedded") as embedded:
        yield embedded.urls


@pytest.fixture(scope="session")
async def template_e011(servers: ServerUrls) -> AsyncIterator[str]:
    """URL of a database with the application's schema as it stands before the backfill's migration."""
    if ready := os.environ.get("TEST_TEMPLATE_E011"):
        yield ready
        return
    async with new_database(servers.database_url) as url:
        migrate(url, OLD_REVISION)
        yield url


@pytest.fixture(scope="session")
async def template_head(servers: ServerUrls, template_e011: str) -> AsyncIterator[str]:
    """URL of a database with the migration applied."""
    if ready := os.environ.get("TEST_TEMPLATE_HEAD"):
        yield ready
        return
    async with new_database(servers.database_url, template=template_e011) as url:
        migrate(url, "head")
        yield url


@pytest.fixture
async def database_e011(servers: ServerUrls, template_e011: str) -> AsyncIterator[str]:
    """URL of this test's own empty database, before the migration."""
    async with new_database(servers.database_url, template=template_e011) as url:
        yield url


@pytest.fixture
async def database(servers: ServerUrls, template_head: str) -> AsyncIterator[str]:
    """URL of this test's own empty database, after the migration."""
    async with new_database(servers.database_url, template=template_head) as url:
        yield url


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """`await connect(url)`: a connection in autocommit."""
    opened: list[Any] = []

    async def open_one(url: str) -> Any:
        opened.append(await asyncpg.connect(url))
        return opened[-1]

    yield open_one
    for connection in reversed(opened):
        if not connection.is_closed():
            await connection.close(timeout=5)


@pytest.fixture(scope="session")
def redis_database(servers: ServerUrls) -> Iterator[int]:
    """A number that no other test session of this account uses now on this server."""
    server = crc32(urlsplit(servers.redis_url).netloc.encode())
    shared_by_sessions = Path(gettempdir()) / f"backfill-tests-{os.getuid()}"
    shared_by_sessions.mkdir(mode=0o700, exist_ok=True)
    for number in REDIS_DATABASES:
        with FileLock(shared_by_sessions / f"redis-{server:08x}-{number}.lock") as lock:
            if lock.try_exclusive():
                yield number
                return
    pytest.fail(f"{len(REDIS_DATABASES)} other test sessions are running")


@pytest.fixture
def redis_url(servers: ServerUrls, redis_database: int) -> str:
    """URL of an empty Redis database of this test's own."""
    url = urlsplit(servers.redis_url)._replace(path=f"/{redis_database}").geturl()
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def environment(database: str, redis_url: str) -> dict[str, str]:
    """For commands that are to work on this test's own database, after the migration."""
    return environment_for(database_url=database, redis_url=redis_url)


@pytest.fixture
def environment_e011(database_e011: str, redis_url: str) -> dict[str, str]:
    """For commands that are to work on this test's own database, before the migration."""
    return environment_for(database_url=database_e011, redis_url=redis_url)


def _spawning(start_one: Callable[..., Spawned], folder: Path) -> Iterator[Spawn]:
    spawned: list[Spawned] = []
    numbers = count(1)

    def start(*arguments: str, env: Mapping[str, str]) -> Spawned:
        spawned.append(start_one(arguments, env, folder / f"{next(numbers)}-{Path(arguments[0]).name}.log"))
        return spawned[-1]

    yield start
    for one in reversed(spawned):
        how = "still ran" if one.exit_code is None else f"exit code {one.exit_code}"
        one.end()
        sys.stdout.write(f"{one.name}, {how}:\n{one.log}\n")  # pytest shows it where the test has failed


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """`spawn(*arguments, env=environment)`: one of the project's commands beside the test, ended with it."""
    yield from _spawning(forked.spawn, tmp_path)


@pytest.fixture
def spawn_program(tmp_path: Path) -> Iterator[Spawn]:
    """The same for any program, the project's own as they are installed."""
    yield from _spawning(commands.spawn, tmp_path)
