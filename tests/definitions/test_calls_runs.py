"""Runs of a Python function over rows: every row gets its value, and nothing newer is overwritten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.runs.states import State
from tests.support.called import add_documents, bound, digest, hashing, worked, wrong_rows
from tests.support.in_process import InProcessRun, in_process_run

ROWS = 500
SECRET = "alice@example.com"


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened


async def test_every_row_gets_what_the_function_gives_and_a_second_run_writes_nothing(
    run: InProcessRun, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, ROWS)
    sha256 = hashing(lambda row: {"sha256": digest(row.text)}, name="sha256")

    first = await worked(run, bound(sha256, engine))
    versions = await sql.fetch("SELECT xmin, ctid FROM documents")
    await run.enqueue()
    second = await worked(run, bound(sha256, engine))

    assert (first.state, first.counts.rows_written, await wrong_rows(sql)) == (State.SUCCEEDED, ROWS, 0)
    assert (second.state, second.counts.rows_written) == (State.SUCCEEDED, 0)
    assert await sql.fetch("SELECT xmin, ctid FROM documents") == versions


async def test_an_exception_quarantines_its_row_alone_and_nothing_is_called_twice(
    run: InProcessRun, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, ROWS)
    called: list[int] = []

    def sha256(row: Any) -> dict[str, str]:
        called.append(row.id)
        if row.id % 100 == 0:
            raise ValueError(SECRET)
        return {"sha256": digest(row.text)}

    ended = await worked(run, bound(hashing(sha256), engine))

    assert {unit.unit_id for unit in ended.quarantined} == {"100", "200", "300", "400", "500"}
    (error,) = {unit.error for unit in ended.quarantined}
    assert error.startswith("the function raised ValueError at test_calls_runs.py:")
    assert (ended.state, ended.counts.rows_written) == (State.FAILED, ROWS - 5)
    assert sorted(called) == list(range(1, ROWS + 1))
