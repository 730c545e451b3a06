"""From a table and expressions follows a backfill that finds, writes and verifies every row, whatever its key is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest
from sqlalchemy import Integer, Table, cast, func
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions import Columns
from backfill.engine.protocols import Previewable
from backfill.runs.states import State
from tests.support.defined import LIMITS, create, create_all, install, to_its_end
from tests.support.in_process import InProcessRun, in_process_run
from tests.support.keyed_tables import KINDS, ROWS, Keyed
from tests.support.shop_tables import Base, EmailNormalized, OrderTotals

Bind = Callable[[type[Columns]], Previewable]


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened


@pytest.fixture
def bind(engine: AsyncEngine) -> Bind:
    return lambda definition: definition.definition().bound(engine, LIMITS)


def normalizing(kind: Keyed, **more: object) -> type[Columns]:
    table: Table = kind.table
    return type(
        "Normalized",
        (Columns,),
        {
            "__doc__": "Normalizes.",
            "table": table,
            "sets": {table.columns.done: func.lower(func.btrim(table.columns.email))},
            "order_by": [table.columns[name] for name in kind.order_by],
            "kept_by": "frozen",
            **more,
        },
    )


def quoted(table: Table) -> str:
    return f'"{table.schema or "public"}"."{table.name}"'.replace('Order "x"', 'Order ""x""')


@pytest.mark.parametrize("name", KINDS)
async def test_every_row_is_written_once_and_verified_whatever_its_key_is(
    name: str, sql: asyncpg.Connection, run: InProcessRun, bind: Bind
) -> None:
    kind = KINDS[name]
    await create(sql, kind)
    backfill = bind(normalizing(kind))

    ended = await to_its_end(run, backfill)

    rows = await sql.fetch(f"SELECT email, done FROM {quoted(kind.table)}")  # noqa: S608
    right = sum(row["done"] == row["email"].strip().lower() for row in rows)
    assert (ended.state, ended.error) == (State.SUCCEEDED, None)
    assert (ended.counts.units_done, ended.counts.rows_written, right) == (ROWS, ROWS, ROWS)


async def test_a_second_run_writes_nothing(sql: asyncpg.Connection, run: InProcessRun, bind: Bind) -> None:
    kind = KINDS["uuid"]
    await create(sql, kind)
    backfill = bind(normalizing(kind))
    await to_its_end(run, backfill)
    before = await sql.fetch("SELECT id, xmin::text, ctid::text FROM by_uuid ORDER BY id")

    await run.enqueue()
    ended = await to_its_end(run, backfill)

    assert (ended.state, ended.counts.units_done, ended.counts.rows_written) == (State.SUCCEEDED, ROWS, 0)
    assert await sql.fetch("SELECT id, xmin::text, ctid::text FROM by_uuid ORDER BY id") == before


async def test_rows_that_do_not_belong_are_left_alone(sql: asyncpg.Connection, run: InProcessRun, bind: Bind) -> None:
    kind = KINDS["integer"]
    await create(sql, kind)

    ended = await to_its_end(run, bind(normalizing(kind, where=kind.table.columns.id > 0)))

    assert ended.state is State.SUCCEEDED
    assert ended.counts.rows_written == await sql.fetchval("SELECT count(*) FROM by_integer WHERE id > 0")
    assert await sql.fetchval("SELECT count(*) FROM by_integer WHERE id <= 0 AND done IS NOT NULL") == 0


async def test_a_todo_that_overlooks_rows_is_mended_by_verification(
    sql: asyncpg.Connection, run: InProcessRun, bind: Bind
) -> None:
    kind = KINDS["integer"]
    await create(sql, kind)
    await sql.execute("UPDATE by_integer SET done = 'wrong' WHERE id % 10 = 0")

    ended = await to_its_end(run, bind(normalizing(kind, todo=kind.table.columns.done.is_(None))))

    assert ended.state is State.SUCCEEDED
    assert await sql.fetchval("SELECT count(*) FROM by_integer WHERE done = 'wrong'") == 0


async def test_what_is_right_is_said_by_check_and_not_by_todo(
    sql: asyncpg.Connection, run: InProcessRun, bind: Bind
) -> None:
    kind = KINDS["integer"]
    await create(sql, kind)
    never = kind.table.columns.done.contains("example.org")

    ended = await to_its_end(run, bind(normalizing(kind, check=never)))

    assert ended.state is State.FAILED
    assert ended.error == f"verification found differs ({ROWS})"


async def test_a_row_for_which_the_expression_fails_is_quarantined_and_the_others_are_written(
    sql: asyncpg.Connection, run: InProcessRun, bind: Bind
) -> None:
    kind = KINDS["integer"]
    await create(sql, kind)
    await sql.execute("UPDATE by_integer SET email = id; UPDATE by_integer SET email = 'x' WHERE id IN (3, 77)")
    doubled = {kind.table.columns.done: cast(kind.table.columns.email, Integer) * 2}

    ended = await to_its_end(run, bind(normalizing(kind, sets=doubled, check=kind.table.columns.done.is_not(None))))

    assert ended.state is State.FAILED
    assert sorted(unit.unit_id for unit in ended.quarantined) == ["3", "77"]
    assert {unit.sqlstate for unit in ended.quarantined} == {"22P02"}
    rows = await sql.fetch("SELECT email, done FROM by_integer")
    assert sum(row["email"] != "x" and row["done"] == str(int(row["email"]) * 2) for row in rows) == ROWS - 2


async def test_both_examples_are_right_afterwards(
    engine: AsyncEngine, sql: asyncpg.Connection, run: InProcessRun, bind: Bind
) -> None:
    await create_all(engine, Base.metadata)
    await sql.execute(
        "INSERT INTO customers (email) SELECT ' Ann' || n || '@X.org' FROM generate_series(1, 500) AS n;"
        "INSERT INTO orders (shop, number) SELECT 's' || n % 7, n FROM generate_series(1, 400) AS n;"
        "INSERT INTO items (shop, number, pieces, price)"
        " SELECT shop, number, p, 1.25 FROM orders, generate_series(1, number % 4) AS p"
    )
    await install(engine, EmailNormalized, OrderTotals)

    customers = await to_its_end(run, bind(EmailNormalized))
    await run.enqueue()
    orders = await to_its_end(run, bind(OrderTotals))

    wrong = await sql.fetchval(
        "SELECT count(*) FROM orders AS o WHERE total IS DISTINCT FROM"
        " (SELECT 1.25 * (number % 4) * (number % 4 + 1) / 2)"
    )
    assert (customers.state, customers.counts.rows_written) == (State.SUCCEEDED, 500)
    assert (orders.state, orders.counts.rows_written, wrong) == (State.SUCCEEDED, 400, 0)
