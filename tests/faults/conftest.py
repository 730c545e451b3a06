"""A migrated database with old data in it, for tests that break things while it is being backfilled."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support.databases import migrate
from worker.database import open_engine
from worker.demo.old_data import OldDataShape, create_old_data


@dataclass(frozen=True, slots=True, kw_only=True)
class OldDatabase:
    url: str
    env: dict[str, str]
    generations: int


@pytest.fixture
async def old_database(database_e011: str, environment_e011: dict[str, str]) -> OldDatabase:
    """20 000 generations in 2 000 projects, migrated, nothing backfilled yet."""
    shape = OldDataShape(projects=2_000, generations=20_000)
    engine = open_engine(database_e011, application_name="test-old-data", command_timeout_seconds=None)
    await create_old_data(engine, shape)
    await engine.dispose()
    migrate(database_e011, "head")
    # Small batches, so that there is time to break something.
    env = environment_e011 | {"BACKFILL_BATCH_ROWS": "50", "BACKFILL_PAUSE_MS": "5"}
    return OldDatabase(url=database_e011, env=env, generations=shape.generations)
