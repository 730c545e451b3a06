"""Sync triggers are made of a definition's own expressions, and a run refuses to start without its keeper."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions import AuthorsMistake, Columns, SyncTrigger, sync_trigger
from backfill.engine.preflight import require_schema
from backfill.runs.errors import SchemaNotReady
from backfill.runs.states import State
from tests.support.defined import LIMITS, WAITING, create_all, install, remove, to_its_end
from tests.support.in_process import InProcessRun, in_process_run
from tests.support.shop_tables import Base, Customer, EmailNormalized, Item, Order, OrderTotals
from tests.support.shop_traffic import customers, fill, live, orders, wrong_customers, wrong_orders
from tests.support.waiting import wait_until

# The function as it is, but for the statements that only lock.
WITHOUT_LOCK = r"""
DO $$
BEGIN
    EXECUTE regexp_replace(pg_get_functiondef('order_totals_sync_items'::regproc), 'PERFORM 1 [^;]*;', '', 'g');
END $$
"""


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine, sql: asyncpg.Connection) -> None:
    await create_all(engine, Base.metadata)
    await fill(sql)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    definition: type[Columns]
    write: Callable[[asyncpg.Connection, random.Random], Awaitable[None]]
    wrong: Callable[[asyncpg.Connection], Awaitable[Sequence[object]]]


ROW_LOCAL = Case(definition=EmailNormalized, write=customers, wrong=wrong_customers)
FROM_OTHERS = Case(definition=OrderTotals, write=orders, wrong=wrong_orders)


@pytest.mark.parametrize("case", [ROW_LOCAL, FROM_OTHERS], ids=["row-local", "from other rows"])
async def test_no_row_is_wrong_after_a_run_under_live_writes(
    case: Case, database: str, engine: AsyncEngine, sql: asyncpg.Connection, run: InProcessRun
) -> None:
    await install(engine, case.definition)
    backfill = case.definition.definition().bound(engine, LIMITS)

    async with live(database, case.write) as written:
        await wait_until(lambda: min(written) > 5)
        await run.set_batch_rows(20)
        ended = await to_its_end(run, backfill)
        at_end = sum(written)
        await wait_until(lambda: sum(written) > at_end + 200)

    assert (ended.state, ended.error) == (State.SUCCEEDED, None)
    assert await case.wrong(sql) == []


async def test_the_same_live_writes_without_the_trigger_leave_wrong_rows(
    database: str, engine: AsyncEngine, sql: asyncpg.Connection, run: InProcessRun
) -> None:
    await install(engine, OrderTotals)
    await to_its_end(run, OrderTotals.definition().bound(engine, LIMITS))
    assert await wrong_orders(sql) == []
    await remove(engine, OrderTotals)

    async with live(database, orders) as written:
        await wait_until(lambda: min(written) > 5)

    assert await wrong_orders(sql)


async def test_an_update_of_what_is_not_read_does_not_touch_the_parent(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await install(engine, OrderTotals)
    before = await sql.fetch("SELECT xmin::text FROM orders ORDER BY shop, number")

    await sql.execute("UPDATE items SET note = 'x'")

    assert await sql.fetch("SELECT xmin::text FROM orders ORDER BY shop, number") == before


async def test_truncating_the_children_alone_is_refused(engine: AsyncEngine, sql: asyncpg.Connection) -> None:
    await install(engine, OrderTotals)

    with pytest.raises(asyncpg.FeatureNotSupportedError, match="TRUNCATE of items would leave total of orders wrong"):
        await sql.execute("TRUNCATE items")
    await sql.execute("TRUNCATE orders, items")


async def test_a_repeatable_read_writer_is_refused_and_loses_nothing(
    database: str, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await install(engine, OrderTotals)
    other = await asyncpg.connect(database)
    insert = "INSERT INTO items (shop, number, pieces, price) VALUES ('s1', 1, 1, $1)"

    async with sql.transaction():
        slow = other.transaction(isolation="repeatable_read")
        await slow.start()
        await other.fetchval("SELECT count(*) FROM items")
        await sql.execute(insert, 10)
    with pytest.raises(asyncpg.SerializationError):
        await other.execute(insert, 5)
    await slow.rollback()
    await other.close()

    assert ("s1", 1) not in await wrong_orders(sql)


@pytest.mark.parametrize("with_lock", [True, False], ids=["with the lock", "without it"])
async def test_the_lock_before_the_sum_is_what_counts_two_items_at_once(
    with_lock: bool, database: str, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await install(engine, OrderTotals)
    if not with_lock:
        await sql.execute(WITHOUT_LOCK)
    other = await asyncpg.connect(database)
    insert = "INSERT INTO items (shop, number, pieces, price) VALUES ('s1', 1, 1, 10)"

    async with sql.transaction():
        await sql.execute(insert)
        waiting = asyncio.create_task(other.execute(insert))
        await wait_until(lambda: sql.fetchval(WAITING))
    await waiting
    await other.close()

    assert (("s1", 1) not in await wrong_orders(sql)) is with_lock


async def test_a_new_key_of_the_parent_takes_its_children_along(engine: AsyncEngine, sql: asyncpg.Connection) -> None:
    await sql.execute(
        "ALTER TABLE items DROP CONSTRAINT items_shop_number_fkey;"
        "ALTER TABLE items ADD FOREIGN KEY (shop, number) REFERENCES orders ON UPDATE CASCADE"
    )
    await install(engine, OrderTotals)

    await sql.execute("UPDATE orders SET shop = 'moved' WHERE number = 3")

    assert await sql.fetchval("SELECT total FROM orders WHERE shop = 'moved'") == 7.5


async def test_making_the_triggers_again_changes_nothing(engine: AsyncEngine, sql: asyncpg.Connection) -> None:
    await install(engine, EmailNormalized, OrderTotals)
    made = "SELECT oid, tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY oid"
    before = await sql.fetch(made)

    await install(engine, EmailNormalized, OrderTotals)

    assert await sql.fetch(made) == before
    await remove(engine, EmailNormalized)
    await remove(engine, OrderTotals)
    assert await sql.fetch(made) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DROP TRIGGER email_normalized_sync ON customers", "customers.email_normalized_sync missing"),
        ("ALTER TABLE customers DISABLE TRIGGER email_normalized_sync", "customers.email_normalized_sync disabled"),
    ],
    ids=["missing", "disabled"],
)
async def test_a_run_does_not_start_without_its_trigger(
    change: str, words: str, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await install(engine, EmailNormalized)
    backfill = EmailNormalized.definition().bound(engine, LIMITS)
    await require_schema(backfill)

    await sql.execute(change)

    with pytest.raises(SchemaNotReady, match=words):
        await require_schema(backfill)


async def test_a_run_does_not_start_with_the_trigger_of_another_version(engine: AsyncEngine) -> None:
    class Old(Columns):
        """As it was before."""

        name = "email-normalized"
        table = Customer
        sets = {Customer.email_normalized: func.lower(Customer.email)}

    await install(engine, Old)

    with pytest.raises(SchemaNotReady, match="is of another version of the definition") as refused:
        await require_schema(EmailNormalized.definition().bound(engine, LIMITS))
    assert "Run the revision that executes sync_trigger(EmailNormalized).create." in str(refused.value)


async def test_an_own_trigger_is_looked_for_by_its_name(engine: AsyncEngine, sql: asyncpg.Connection) -> None:
    class Own(Columns):
        """Kept right by a trigger of its own."""

        table = Customer
        sets = {Customer.email_normalized: func.lower(Customer.email)}
        kept_by = SyncTrigger(name="by_hand", table=Customer)

    backfill = Own.definition().bound(engine, LIMITS)

    with pytest.raises(SchemaNotReady, match=r"customers\.by_hand missing"):
        await require_schema(backfill)
    await sql.execute(
        "CREATE FUNCTION by_hand() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER by_hand BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION by_hand()"
    )
    await require_schema(backfill)


def test_a_subquery_that_does_not_say_which_row_it_concerns_is_refused_with_what_to_do() -> None:
    with pytest.raises(AuthorsMistake, match=r"Vague\.sets\[total\].*kept_by = SyncTrigger"):

        class Vague(Columns):
            """Correlates by a part of the key."""

            table = Order
            sets = {Order.total: select(func.sum(Item.price)).where(Item.shop == Order.shop).scalar_subquery()}


async def test_a_function_that_the_trigger_would_not_find_is_told_when_it_is_made(engine: AsyncEngine) -> None:
    class Lost(Columns):
        """Names no schema."""

        table = Customer
        sets = {Customer.email_normalized: func.my_slug(Customer.email)}

    with pytest.raises(Exception, match="my_slug"):
        await install(engine, Lost)
    assert len(sync_trigger(Lost).create) == 3


async def test_a_single_item_reads_one_order_also_after_a_statement_on_all_of_them(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await install(engine, OrderTotals)
    await sql.execute(
        "CREATE INDEX ON items (shop, number);"
        "INSERT INTO orders (shop, number) SELECT 'x', n FROM generate_series(1, 5000) AS n;"
        "ANALYZE orders, items;"
        "INSERT INTO items (shop, number, pieces, price) SELECT shop, number, 1, 1 FROM orders"
    )
    read = "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'orders'"

    async with sql.transaction():
        before = await sql.fetchval(read)
        await sql.execute("INSERT INTO items (shop, number, pieces, price) VALUES ('x', 78, 1, 10)")
        after = await sql.fetchval(read)

    assert 0 < after - before < 10
