"""A migrated database with old data in it, on servers that belong to these tests alone, and what must become of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from backfill.embedded import use_embedded
from backfill.embedded.locks import FileLock
from backfill.runs.errors import WrongState
from backfill.sql.database import open_engine
from tests.support.commands import REPOSITORY, environment_for
from tests.support.databases import migrate, new_database
from tests.support.expected import Filled, breaches, filled, one_shot
from tests.support.own_servers import OwnServers
from tests.support.runs import wait_for_end
from tests.support.watching import Watcher, watching
from worker.demo.old_data import OldDataShape, create_old_data

BATCH_ROWS = 50
SHAPE = OldDataShape(projects=2_000, generations=20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class OldDatabase:
    url: str
    env: dict[str, str]
    generations: int
    expected: Filled
    watcher: Watcher

    async def ends_right(self, run_id: str) -> dict[str, Any]:
        """Lets it go as fast as it can, and waits for the end: succeeded, counts exact, every row as the one-shot SQL
        would have it, no rule broken."""
        with suppress(WrongState):  # it has ended already
            await self.watcher.control.set_pace(run_id, {"batch_rows": 2_000, "pause_ms": 0}, who="test")
        run = await asyncio.to_thread(wait_for_end, self.env, run_id)
        assert run["state"] == "succeeded", run
        assert run["progress"]["rows_done"] == self.generations
        assert run["progress"]["rows_written"] <= self.generations
        assert await filled(self.url) == self.expected
        assert await breaches(self.url) == []
        return run


@dataclass(frozen=True, slots=True, kw_only=True)
class OldData:
    url: str
    expected: Filled


@pytest.fixture(scope="session")
def own_servers() -> Iterator[OwnServers]:
    """One test session at a time: they are killed under whoever uses them."""
    place = REPOSITORY / "tests" / "faults" / ".embedded"
    place.mkdir(mode=0o711, exist_ok=True)  # the servers may run as another user
    folder = place / "breakable"
    with FileLock(place / "session.lock") as turn:
        turn.wait_exclusive()
        with use_embedded(folder) as embedded:
            yield OwnServers(folder, embedded.urls)


@pytest.fixture(scope="session")
async def old_data(own_servers: OwnServers) -> AsyncIterator[OldData]:
    """20 000 generations in 2 000 projects, migrated, nothing backfilled yet: a template, and what it must become."""
    async with new_database(own_servers.urls.database_url) as url:
        migrate(url, "e011ab9dd223")
        engine = open_engine(url, application_name="test-old-data", command_timeout_seconds=None)
        await create_old_data(engine, SHAPE)
        await engine.dispose()
        migrate(url, "head")
        async with new_database(own_servers.urls.database_url, template=url) as copy:
            await one_shot(copy)
            expected = await filled(copy)
        yield OldData(url=url, expected=expected)


@pytest.fixture
async def old_database(own_servers: OwnServers, old_data: OldData) -> AsyncIterator[OldDatabase]:
    """This test's own copy, and a Redis that has forgotten everything."""
    with own_servers.valkey() as valkey:
        valkey.flushall()
    async with new_database(own_servers.urls.database_url, template=old_data.url) as url:
        # Small batches with rests between them, so that there is time to break something.
        env = environment_for(
            database_url=url,
            redis_url=own_servers.urls.redis_url,
            BACKFILL_BATCH_ROWS=str(BATCH_ROWS),
            BACKFILL_PAUSE_MS="20",
        )
        async with watching(env) as watcher:
            yield OldDatabase(
                url=url, env=env, generations=SHAPE.generations, expected=old_data.expected, watcher=watcher
            )
