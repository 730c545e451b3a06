"""A dry run of every kind of definition: it says what a run then does, and leaves every row as it was."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Integer, cast
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions import Columns
from backfill.definitions.calls import calls
from backfill.engine.dry_running import Reach, dry_run
from backfill.engine.protocols import Previewable
from backfill.runs.dry_run import DryRun
from backfill.runs.pace import Pace
from tests.support.called import Document, add_documents, bound
from tests.support.defined import LIMITS, create, to_its_end
from tests.support.in_process import InProcessRun, in_process_run
from tests.support.keyed_tables import KINDS, ROWS

PACE = Pace(parallel=2, batch_rows=40, target_ms=50, pause_ms=0, rows_per_second=0)
TABLE = KINDS["integer"].table
SECRET = "alice@example.com"


class Doubled(Columns):
    """Doubles a number that is kept as text."""

    table = TABLE
    kept_by = "frozen"
    sets = {TABLE.columns.done: cast(TABLE.columns.email, Integer) * 2}
    check = TABLE.columns.done.is_not(None)


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened


async def tried(backfill: Previewable) -> DryRun:
    return await dry_run(backfill, PACE, Reach(seconds=None, stopwatch=time.monotonic))


async def compare(said: DryRun, run: InProcessRun, backfill: Previewable) -> None:
    ended = await to_its_end(run, backfill)

    assert said.complete
    assert said.rows_expected == said.tried.rows == ended.counts.rows_written
    assert {unit for group in said.refused for unit in group.units} == {one.unit_id for one in ended.quarantined}
    assert {(group.error, group.sqlstate) for group in said.refused} == {
        (one.error, one.sqlstate) for one in ended.quarantined
    }
    assert SECRET not in repr(said)


async def test_of_columns(engine: AsyncEngine, sql: asyncpg.Connection, run: InProcessRun) -> None:
    await create(sql, KINDS["integer"])
    await sql.execute("UPDATE by_integer SET email = id; UPDATE by_integer SET email = 'x' WHERE id IN (3, 77)")
    backfill = Doubled.definition().bound(engine, LIMITS)

    said = await tried(backfill)

    assert await sql.fetchval("SELECT count(*) FROM by_integer WHERE done IS NOT NULL") == 0
    assert (said.tried.rows, said.units_refused) == (ROWS - 2, 2)
    assert said.wal_expected
    await compare(said, run, backfill)


async def test_of_calls(engine: AsyncEngine, sql: asyncpg.Connection, run: InProcessRun) -> None:
    await add_documents(sql, 60)

    @calls(table=Document, reads=[Document.text], todo=Document.sha256.is_(None))
    def sha256(row: Any) -> dict[str, Any]:
        if row.id in (3, 47):
            raise LookupError(SECRET)
        return {"sha256": "made"}

    backfill = bound(sha256, engine)

    said = await tried(backfill)

    assert await sql.fetchval("SELECT count(*) FROM documents WHERE sha256 IS NOT NULL") == 0
    assert (said.tried.rows, said.units_refused) == (58, 2)
    await compare(said, run, backfill)
