"""What tests of the backfill on a real database share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.support.old_rows import OldRows, old_rows
from worker.database import open_engine
from worker.generations.backfill import GenerationVersions
from worker.generations.transactions import Limits

LIMITS = Limits(
    lock_timeout_ms=500, statement_timeout_ms=5000, scan_timeout_ms=30_000, idle_in_transaction_timeout_ms=5000
)


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
