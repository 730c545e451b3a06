from __future__ import annotations

import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.alembic.checks import OnlineChecks
from backfill.alembic.checks.stopping import WouldLockForLong
from backfill.sql.database import open_engine

Revision = Callable[[Any], object]
EVERYTHING_IS_LARGE = OnlineChecks(small_bytes=1)


def _batch(op: Any) -> None:
    with op.batch_alter_table("orders") as batch:
        batch.alter_column("total", nullable=False)


def _assured(op: Any) -> None:
    with op.safely_assured("nobody uses it yet"):
        op.alter_column("orders", "total", new_column_name="sum")


def _new_table(op: Any) -> None:
    op.create_table("fresh", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("n", sa.Integer()))
    op.create_index("ix_fresh", "fresh", ["n"])
    op.alter_column("fresh", "n", nullable=False)


def _concurrently(op: Any) -> None:
    with op.get_context().autocommit_block():
        op.create_index("ix", "orders", ["total"], postgresql_concurrently=True)


# A revision that would lock for long or break a release, and what the sentence recommends.
STOPPED: dict[str, tuple[Revision, str]] = {
    "an index": (lambda op: op.create_index("ix", "orders", ["total"]), "op.online_create_index"),
    "an index, dropped": (lambda op: op.drop_index("ix_total", "orders"), "op.online_drop_index"),
    "a volatile default": (
        lambda op: op.add_column("orders", sa.Column("u", sa.Uuid(), server_default=sa.text("gen_random_uuid()"))),
        "op.online_add_column",
    ),
    "a generated column": (
        lambda op: op.add_column("orders", sa.Column("twice", sa.Integer(), sa.Computed("total * 2", persisted=True))),
        "a plain column",
    ),
    "NOT NULL without a default": (
        lambda op: op.add_column("orders", sa.Column("n", sa.Integer(), nullable=False)),
        "op.online_set_not_null",
    ),
    "a column with a key": (
        lambda op: op.add_column("orders", sa.Column("c", sa.BigInteger(), sa.ForeignKey("sales.Customers.id"))),
        "op.online_add_foreign_key",
    ),
    "a column with an index": (
        lambda op: op.add_column("orders", sa.Column("c", sa.BigInteger(), unique=True)),
        "op.online_add_unique",
    ),
    "another type": (lambda op: op.alter_column("orders", "total", type_=sa.BigInteger()), "op.online_alter_type"),
    "NOT NULL": (lambda op: op.alter_column("orders", "total", nullable=False), "op.online_set_not_null"),
    "a column renamed": (
        lambda op: op.alter_column("orders", "total", new_column_name="sum"),
        "op.online_rename_column",
    ),
    "a key": (
        lambda op: op.create_foreign_key("fk", "orders", "Customers", ["customer_id"], ["id"], referent_schema="sales"),
        "op.online_add_foreign_key",
    ),
    "a check": (lambda op: op.create_check_constraint("ck", "orders", "total > 0"), "op.online_add_check"),
    "a unique constraint": (lambda op: op.create_unique_constraint("uq", "orders", ["id"]), "op.online_add_unique"),
    "a primary key": (lambda op: op.create_primary_key("pk", "keyless", ["id"]), "USING INDEX"),
    "an exclusion": (
        lambda op: op.create_exclude_constraint("ex", "orders", (sa.column("total"), "="), using="btree"),
        "a time when nobody uses the table",
    ),
    "a column dropped": (lambda op: op.drop_column("orders", "total"), "op.online_drop_column"),
    "a table renamed": (lambda op: op.rename_table("orders", "purchases"), "a view with the old name"),
    "in a batch": (_batch, "op.online_set_not_null"),
    "SQL: an index": (lambda op: op.execute("create unique  index ix on orders (id)"), "op.online_create_index"),
    "SQL: a key": (
        lambda op: op.execute(
            'ALTER TABLE ONLY public.orders ADD CONSTRAINT k FOREIGN KEY (customer_id) REFERENCES sales."Customers"'
        ),
        "op.online_add_foreign_key",
    ),
    "SQL: a check, second of two actions": (
        lambda op: op.execute("ALTER TABLE orders ALTER total SET DEFAULT 1, ADD CHECK (total IN (1, 2))"),
        "op.online_add_check",
    ),
    "SQL: another type": (
        lambda op: op.execute("ALTER TABLE orders ALTER COLUMN total SET DATA TYPE bigint"),
        "op.online_alter_type",
    ),
    "SQL: a volatile default": (
        lambda op: op.execute("ALTER TABLE orders ADD COLUMN r double precision DEFAULT random()"),
        "op.online_add_column",
    ),
    "SQL: NOT NULL": (
        lambda op: op.execute("ALTER TABLE orders ALTER COLUMN total SET NOT NULL"),
        "op.online_set_not_null",
    ),
    "SQL: a column renamed": (
        lambda op: op.execute("ALTER TABLE orders RENAME COLUMN total TO sum"),
        "op.online_rename_column",
    ),
    "SQL: a column dropped": (lambda op: op.execute("ALTER TABLE orders DROP total"), "op.online_drop_column"),
    "SQL: every row updated": (lambda op: op.execute("UPDATE orders SET total = 1"), "a backfill"),
    "SQL: the same, built": (
        lambda op: op.execute(sa.update(sa.table("orders", sa.column("total"))).values(total=1)),
        "a backfill",
    ),
    "SQL: a lock": (lambda op: op.execute("LOCK TABLE orders IN SHARE MODE"), "the directives"),
}

# What looks like one of those, and holds up nobody.
PASSED: dict[str, Revision] = {
    "an index, concurrently": _concurrently,
    "a constant default": lambda op: op.add_column("orders", sa.Column("s", sa.Text(), server_default="new")),
    "now()": lambda op: op.add_column("orders", sa.Column("t", sa.DateTime(), server_default=sa.func.now())),
    "a bare column": lambda op: op.add_column("orders", sa.Column("s", sa.Text())),
    "a wider text": lambda op: op.alter_column("orders", "code", type_=sa.String(50)),
    "NOT NULL that is checked": lambda op: op.alter_column("orders", "checked", nullable=False),
    "a default": lambda op: op.alter_column("orders", "total", server_default="1"),
    "a key, not valid": lambda op: op.create_foreign_key(
        "fk",
        "orders",
        "Customers",
        ["customer_id"],
        ["id"],
        referent_schema="sales",
        postgresql_not_valid=True,
    ),
    "a column of an empty table": lambda op: op.drop_column("nothing", "id"),
    "a table of the same revision": _new_table,
    "SQL: a key, not valid": lambda op: op.execute("ALTER TABLE orders ADD CHECK (total > 0) NOT VALID"),
    "SQL: some rows": lambda op: op.execute("UPDATE orders SET total = 1 WHERE id = 1"),
    "SQL: in a function's body": lambda op: op.execute(
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN UPDATE orders SET total = 1; END $$"
    ),
    "SQL: in a literal and a comment": lambda op: op.execute(
        "SELECT 'x; UPDATE orders SET total = 1' /* ; UPDATE orders SET total = 1 */"
    ),
    "said to be known": _assured,
}


@pytest.fixture
async def connection(tables: str) -> AsyncIterator[AsyncConnection]:
    engine = open_engine(tables, application_name="tests")
    async with engine.connect() as connection:
        for statement in textwrap.dedent(MORE).split(";"):
            await connection.execute(sa.text(statement))
        await connection.commit()
        yield connection
    await engine.dispose()


MORE = """
    CREATE INDEX ix_total ON orders (total);
    ALTER TABLE orders ADD code varchar(20), ADD checked int DEFAULT 1, ADD CHECK (checked IS NOT NULL);
    CREATE TABLE keyless AS SELECT id FROM orders;
    CREATE TABLE nothing (id int)
"""


class _Undone(Exception):
    """Rolls a revision back that was let through, so that the next one finds what this one has found."""


async def _execute(connection: AsyncConnection, revision: Revision, **options: Any) -> None:
    def run(synchronous: Connection) -> None:
        opts = {"transaction_per_migration": True, **options}
        context = MigrationContext.configure(connection=synchronous, opts=opts)
        with context.begin_transaction(_per_migration=True), Operations.context(context) as op:
            revision(op)
            raise _Undone

    with suppress(_Undone):
        await connection.run_sync(run)


async def test_what_would_lock_for_long_stops_with_what_to_do_instead(connection: AsyncConnection) -> None:
    for name, (revision, instead) in STOPPED.items():
        with pytest.raises(WouldLockForLong) as stopped:
            await _execute(connection, revision, online_checks=EVERYTHING_IS_LARGE)
        assert instead in str(stopped.value), name
        assert "op.safely_assured" in str(stopped.value), name
        await connection.rollback()


async def test_what_holds_up_nobody_passes(connection: AsyncConnection) -> None:
    for revision in PASSED.values():
        await _execute(connection, revision, online_checks=EVERYTHING_IS_LARGE)


async def test_a_small_table_is_no_trouble_but_a_release_that_breaks_is(connection: AsyncConnection) -> None:
    await _execute(connection, STOPPED["NOT NULL"][0])
    with pytest.raises(WouldLockForLong, match="orders has rows"):
        await _execute(connection, STOPPED["a column renamed"][0])


async def test_the_checks_can_be_switched_off(connection: AsyncConnection) -> None:
    await _execute(connection, STOPPED["a column renamed"][0], online_checks=False)
