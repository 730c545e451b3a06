"""What a function gave is written only to rows that still are what they were read as, whatever the types of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import asyncpg
import pytest
from sqlalchemy import ARRAY, JSON, Column, DateTime, Double, Integer, LargeBinary, MetaData, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from backfill.definitions.calls import calls
from backfill.engine.protocols import Settled
from backfill.runs.failures import Failure
from tests.support.called import Document, add_documents, bound, digest, hashing, wrong_rows

SECRET = "alice@example.com"
EVERYTHING = Table(
    "everything",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("number", Double),
    Column("exact", Numeric),
    Column("document", JSON),
    Column("binary_document", JSONB),
    Column("at", DateTime(timezone=True)),
    Column("list", ARRAY(Text)),
    Column("bytes", LargeBinary),
    Column("given", JSON),
    Column("given_list", ARRAY(Numeric)),
    Column("given_at", DateTime(timezone=True)),
    Column("beside", Integer),
)
READ = [EVERYTHING.columns[name] for name in ("number", "exact", "document", "binary_document", "at", "list", "bytes")]
GIVEN = [EVERYTHING.columns[name] for name in ("given", "given_list", "given_at")]
DDL = """
    CREATE TABLE everything (
        id integer PRIMARY KEY, number float8, exact numeric, document json, binary_document jsonb, at timestamptz,
        list text[], bytes bytea, given json, given_list numeric[], given_at timestamptz, beside integer
    );
    INSERT INTO everything VALUES
        (1, '-0', 1.0, '{"a": 1}', '{"a": 1}', '2026-01-01 00:00:00.000001+00', '{a,NULL}', '\\x00'),
        (2, 'NaN', 'NaN', 'null', 'null', 'infinity', '{}', ''),
        (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
"""
UNSEEN = (
    "number = 0.0",
    "exact = 1.00",
    """document = '{"a":1}'""",
    "at = at + interval '1 microsecond'",
    "list = '{a}'",
)
OF_NULLS = ("number = 'NaN'", "exact = 0", "document = 'null'", "binary_document = 'null'", "list = '{}'", "bytes = ''")

During = Callable[[], Awaitable[Any]]


async def settle_everything(engine: AsyncEngine, unit_ids: list[str], during: During) -> Settled:
    """`during` happens while the function is at work."""

    @calls(table=EVERYTHING, reads=READ, writes=GIVEN, todo=EVERYTHING.columns.given.is_(None))
    async def give(row: Any) -> dict[str, Any]:
        await during()
        return {
            "given": {"of": row.id},
            "given_list": [Decimal("1.50"), None],
            "given_at": datetime.max.replace(tzinfo=UTC),
        }

    return await bound(give, engine).settle(unit_ids)


@pytest.fixture
async def everything(sql: asyncpg.Connection) -> asyncpg.Connection:
    await sql.execute(DDL)
    return sql


async def test_values_of_every_type_are_read_and_written_exactly(
    engine: AsyncEngine, everything: asyncpg.Connection
) -> None:
    async def nothing() -> None:
        pass

    settled = await settle_everything(engine, ["1", "2", "3"], nothing)

    rows = await everything.fetch("SELECT given ->> 'of' AS of, given_list::text FROM everything ORDER BY id")
    assert (settled.written, settled.contended, settled.refused) == (3, frozenset(), {})
    assert [tuple(row) for row in rows] == [(str(number), "{1.50,NULL}") for number in (1, 2, 3)]


async def test_a_change_of_what_was_read_is_seen_however_small_it_is(
    engine: AsyncEngine, everything: asyncpg.Connection
) -> None:
    for row, change in [*((1, change) for change in UNSEEN), *((3, change) for change in OF_NULLS)]:
        change_it = partial(everything.execute, f"UPDATE everything SET {change} WHERE id = {row}")  # noqa: S608

        settled = await settle_everything(engine, [str(row)], change_it)

        assert (settled.written, settled.contended) == (0, frozenset({str(row)})), change
        await everything.execute(f"DROP TABLE everything; {DDL}")


async def test_a_change_of_what_nobody_read_is_nothing_to_the_value(
    engine: AsyncEngine, everything: asyncpg.Connection
) -> None:
    async def changed() -> None:
        await everything.execute("UPDATE everything SET beside = 1 WHERE id = 2")

    settled = await settle_everything(engine, ["2"], changed)

    assert (settled.written, settled.contended) == (1, frozenset())
    assert await everything.fetchval("SELECT beside FROM everything WHERE given IS NOT NULL") == 1


async def test_no_connection_is_held_while_the_function_is_at_work(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 1)
    in_transactions = (
        "SELECT count(xact_start) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'test-definitions'"
    )

    async def sha256(row: Any) -> dict[str, str]:
        pool = engine.pool
        assert isinstance(pool, AsyncAdaptedQueuePool)
        return {"sha256": f"{pool.checkedout()} {await sql.fetchval(in_transactions)}"}

    await bound(hashing(sha256), engine).settle(["1"])

    assert await sql.fetchval("SELECT sha256 FROM documents") == "0 0"


async def test_a_row_that_somebody_else_has_done_meanwhile_keeps_what_it_has(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 1)

    async def sha256(row: Any) -> dict[str, str]:
        await sql.execute("UPDATE documents SET sha256 = 'of the application' WHERE id = 1")
        return {"sha256": digest(row.text)}

    settled = await bound(hashing(sha256), engine).settle(["1"])

    assert (settled.written, settled.contended) == (0, frozenset())
    assert await sql.fetchval("SELECT sha256 FROM documents") == "of the application"


async def test_without_todo_a_newer_value_is_not_overwritten_either(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 1)

    async def sha256(row: Any) -> dict[str, str]:
        await sql.execute("UPDATE documents SET sha256 = 'newer' WHERE id = 1")
        return {"sha256": digest(row.text)}

    settled = await bound(hashing(sha256, todo=None, writes=[Document.sha256]), engine).settle(["1"])

    assert (settled.written, settled.contended) == (0, frozenset({"1"}))
    assert await sql.fetchval("SELECT sha256 FROM documents") == "newer"


async def test_a_row_that_somebody_holds_is_not_waited_for(engine: AsyncEngine, sql: asyncpg.Connection) -> None:
    await add_documents(sql, 3)
    sha256 = bound(hashing(lambda row: {"sha256": digest(row.text)}, name="sha256"), engine)

    async with sql.transaction():
        await sql.execute("UPDATE documents SET views = 1 WHERE id = 2")
        settled = await sha256.settle(["1", "2", "3"])

    assert (settled.written, settled.contended) == (2, frozenset({"2"}))


async def test_a_row_that_the_database_refuses_costs_no_second_call_of_the_others(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 50)
    await sql.execute("ALTER TABLE documents ADD CONSTRAINT no_secret CHECK (sha256 <> 'alice@example.com')")
    called: list[int] = []

    def sha256(row: Any) -> dict[str, str]:
        called.append(row.id)
        return {"sha256": SECRET if row.id in {7, 31} else digest(row.text)}

    settled = await bound(hashing(sha256), engine).settle([str(number) for number in range(1, 51)])

    assert (settled.written, sorted(settled.refused), sorted(called)) == (48, ["31", "7"], list(range(1, 51)))
    refused = settled.refused["7"]
    assert (refused.failure, refused.sqlstate, refused.constraint) == (Failure.ROW, "23514", "no_secret")
    assert SECRET not in refused.message


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"sha256": 17}, "a value could not be used (DataError)"),
        ({"sha256": object()}, "a value could not be used (DataError)"),
        ({"sha": SECRET}, "the function gave other columns than those that the definition writes: sha256"),
        (SECRET, "the function gave a str instead of a dict with sha256"),
        (None, "the function gave nothing, so that the row is still to do"),
    ],
)
async def test_what_cannot_be_written_is_its_rows_fault_and_is_told_without_the_value(
    engine: AsyncEngine, sql: asyncpg.Connection, given: Any, told: str
) -> None:
    await add_documents(sql, 3)
    sha256 = hashing(lambda row: given if row.id == 2 else {"sha256": digest(row.text)}, name="sha256")

    settled = await bound(sha256, engine).settle(["1", "2", "3"])

    assert {unit_id: failed.message for unit_id, failed in settled.refused.items()} == {"2": told}
    assert (settled.written, await wrong_rows(sql)) == (2, 1)


async def test_a_row_that_is_still_to_do_after_it_was_written_is_quarantined_and_not_done_for_ever(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 3)
    todo = Document.sha256.is_(None) | (Document.sha256 == "bad")
    sha256 = hashing(lambda row: {"sha256": "bad" if row.id == 2 else "good"}, name="sha256", todo=todo)

    settled = await bound(sha256, engine).settle(["1", "2", "3"])

    told = {unit_id: failed.message for unit_id, failed in settled.refused.items()}
    assert told == {"2": "it is still to do after what the function gave was written"}


async def test_a_model_that_changes_more_at_an_update_is_left_out_of_it(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    noted = Table(
        "documents",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("body", Text),
        Column("sha256", Text),
        Column("views", Integer, onupdate=17),
    )
    await add_documents(sql, 1)

    @calls(table=noted, reads=[noted.columns.body], todo=noted.columns.sha256.is_(None))
    def sha256(row: Any) -> dict[str, str]:
        return {"sha256": digest(row.body)}

    settled = await bound(sha256, engine).settle(["1"])

    assert (settled.written, await sql.fetchval("SELECT views FROM documents")) == (1, 0)
