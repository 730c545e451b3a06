"""Connections to the test's database, each closed at its end."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import async_sessionmaker

from backfill.sql.database import open_engine
from backfill.urls import ServerUrls
from tests.conftest import Connect
from tests.migrations.support import Application
from tests.support.databases import new_database
from tests.support.next_release import Sessions


@pytest.fixture
async def blank_database(servers: ServerUrls) -> AsyncIterator[str]:
    """URL of a database without any table."""
    async with new_database(servers.database_url) as url:
        yield url


@pytest.fixture
async def application(database: str, connect: Connect) -> Application:
    """The application as it is today, on a database that is migrated under it."""
    application = Application(await connect(database))
    await application.add_user()
    return application


@pytest.fixture
async def second(database: str, connect: Connect) -> Application:
    """Another connection of the same application."""
    return Application(await connect(database))


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
async def sessions(database: str) -> AsyncIterator[Sessions]:
    """ORM sessions of the next release."""
    engine = open_engine(database, application_name="next-release")
    yield async_sessionmaker(engine)
    await engine.dispose()
