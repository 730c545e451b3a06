"""What `sync_trigger` gives is executed by revisions of Alembic: on a connection, and written as a script."""

from __future__ import annotations

import io

import asyncpg
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, func
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions import Columns, sync_trigger
from tests.support.defined import create_all
from tests.support.shop_tables import Base, Customer

BODY = "SELECT prosrc FROM pg_proc WHERE proname = 'slug_sync'"


class Slug(Columns):
    """Values that mean something to a driver, to SQLAlchemy, or to PostgreSQL."""

    table = Customer
    sets = {Customer.email_normalized: func.regexp_replace(Customer.email, r"\s+|'|:x|%s|%%", " :x '%s\\", "g")}


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine) -> None:
    await create_all(engine, Base.metadata)


def upgrade(operations: Operations) -> None:
    for statement in sync_trigger(Slug).create:
        operations.execute(statement)


async def test_a_script_makes_the_same_as_a_migration(engine: AsyncEngine, sql: asyncpg.Connection) -> None:
    def migrate(connection: Connection) -> None:
        upgrade(Operations(MigrationContext.configure(connection)))

    async with engine.begin() as connection:
        await connection.run_sync(migrate)
    online = await sql.fetchval(BODY)
    await sql.execute("DROP FUNCTION slug_sync() CASCADE")

    script = io.StringIO()
    options = {"as_sql": True, "output_buffer": script}
    offline = MigrationContext.configure(
        url="postgresql://",
        opts=options,
        dialect_opts={"paramstyle": "named"},  # as in the template of Alembic
    )
    upgrade(Operations(offline))
    await sql.execute(script.getvalue())

    assert await sql.fetchval(BODY) == online
    assert r"'\s+|''|:x|%s|%%', ' :x ''%s\'" in online
