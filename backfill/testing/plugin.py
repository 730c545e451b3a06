"""The fixtures. They are plain ones, whatever runs a test's coroutines: only the runner's methods are awaited."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from backfill.embedded import use_embedded
from backfill.testing.databases import create_all, migrate, new_database
from backfill.testing.runner import Runner
from backfill.urls import ServerUrls

ALEMBIC, METADATA, REVISION = "backfill_alembic", "backfill_metadata", "backfill_revision"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(ALEMBIC, "folder, from the root of the tests, that alembic is started in", default="")
    parser.addini(METADATA, "module:attribute of a MetaData, where no Alembic chain makes the schema", default="")
    parser.addini(REVISION, "what the chain is migrated to", default="head")


@pytest.fixture(scope="session")
def backfill_servers(request: pytest.FixtureRequest) -> Iterator[ServerUrls]:
    """PostgreSQL and Valkey: embedded ones, or those of TEST_DATABASE_URL and TEST_REDIS_URL, where databases are made
    and dropped. Never those that DATABASE_URL and REDIS_URL name."""
    database_url, redis_url = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_REDIS_URL")
    if database_url and redis_url:
        yield ServerUrls(database_url=database_url, redis_url=redis_url)
        return
    with use_embedded(request.config.rootpath / ".pytest_cache" / "backfill-testing") as embedded:
        yield embedded.urls


@pytest.fixture(scope="session")
def backfill_schema(request: pytest.FixtureRequest, backfill_servers: ServerUrls) -> Callable[[str], None]:
    """Gives an empty database, whose URL it gets, the application's schema: by its Alembic chain or a MetaData, see the
    settings in pytest's own file. Replace it for anything else."""
    config = request.config
    if place := config.getini(METADATA):
        return lambda url: create_all(url, place)
    folder = config.rootpath / config.getini(ALEMBIC)
    return lambda url: migrate(url, backfill_servers.redis_url, folder, config.getini(REVISION))


@pytest.fixture(scope="session")
def backfill_template(backfill_servers: ServerUrls, backfill_schema: Callable[[str], None]) -> Iterator[str]:
    """The URL of a database with the schema, which tests get copies of."""
    with new_database(backfill_servers.database_url) as url:
        backfill_schema(url)
        yield url


@pytest.fixture
def backfill_database(backfill_servers: ServerUrls, backfill_template: str) -> Iterator[str]:
    """The URL of this test's own database, with the schema and without rows."""
    with new_database(backfill_servers.database_url, template=backfill_template) as url:
        yield url


@pytest.fixture
def backfill_runner(
    request: pytest.FixtureRequest, backfill_servers: ServerUrls, backfill_database: str
) -> Iterator[Runner]:
    """Runs definitions on the test's own database."""
    runner = Runner(backfill_database, backfill_servers.redis_url, request.config.rootpath)
    yield runner
    runner.forget()
