"""Runs of a Python function over rows: every row gets its value, and nothing newer is overwritten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions.calls import calls
from backfill.runs.states import State
from backfill.sql.built import DIALECT
from tests.support.called import add_documents, bound, digest, hashing, worked, wrong_rows
from tests.support.defined import create
from tests.support.in_process import InProcessRun, in_process_run
from tests.support.keyed_tables import KINDS
from tests.support.keyed_tables import ROWS as KEYED_ROWS

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


async def test_rows_of_every_kind_of_key_are_found_called_for_and_written(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    for name, kind in KINDS.items():
        await create(sql, kind)
        email, done = kind.table.columns.email, kind.table.columns.done
        order_by = [kind.table.columns[column] for column in kind.order_by]
        definition = calls(table=kind.table, reads=[email], todo=done.is_(None), order_by=order_by)(lower)
        backfill = bound(definition, engine)

        (span,) = (await backfill.plan(16)).spans
        units = await backfill.read_page(span.start, span.end, units=KEYED_ROWS, row_cap=1)
        waiting, written = [unit.id for unit in units], 0
        while waiting:
            settled = await backfill.settle(waiting)
            written += settled.written
            waiting = [unit_id for unit_id in waiting if unit_id in settled.left]
        page = await backfill.check_page(None, None, units=KEYED_ROWS + 1)

        assert (written, page.units, page.findings) == (KEYED_ROWS, KEYED_ROWS, ()), name
        quoted = DIALECT.identifier_preparer.format_table(kind.table)
        wrong = f"SELECT count(*) FROM {quoted} WHERE done IS DISTINCT FROM lower(email)"  # noqa: S608
        assert await sql.fetchval(wrong) == 0, name


def lower(row: Any) -> dict[str, str]:
    return {"done": row.email.lower()}
