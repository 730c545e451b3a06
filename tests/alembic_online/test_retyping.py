"""A primary key that becomes wider, with everything that is built on its column."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

import backfill.alembic  # noqa: F401 - adds the directives
from backfill.sql.database import open_engine
from tests.alembic_online.support import shape
from tests.conftest import Connect

TABLE = """
    CREATE TABLE tickets (id serial CONSTRAINT pk_tickets PRIMARY KEY, code int NOT NULL DEFAULT 7, "Note" text);
    ALTER TABLE tickets ADD CONSTRAINT uq_tickets UNIQUE (code, id);
    CREATE INDEX ix_tickets ON tickets ("Note", id DESC) INCLUDE (code) WHERE id > 10;
    CREATE UNIQUE INDEX ix_tickets_twice ON tickets ((id * 2));
    INSERT INTO tickets (code, "Note") SELECT n, 'note' FROM generate_series(1, 1000) AS n
"""
REFUSE_TO_RENAME = """
    CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        IF current_query() LIKE '%RENAME COLUMN%' AND current_query() NOT LIKE '%online_copy%' THEN
            RAISE EXCEPTION 'not now';
        END IF;
    END $$;
    CREATE EVENT TRIGGER refuse_to_rename ON ddl_command_start EXECUTE FUNCTION refuse()
"""
LET_RENAME = "DROP EVENT TRIGGER refuse_to_rename; DROP FUNCTION refuse()"


@pytest.fixture
async def engine(tables: str) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(tables, application_name="tests")
    yield engine
    await engine.dispose()


async def alter(engine: AsyncEngine, type_: Any) -> None:
    def run(connection: sa.Connection) -> None:
        context = MigrationContext.configure(connection=connection, opts={"transaction_per_migration": True})
        with context.begin_transaction(_per_migration=True), Operations.context(context) as op:
            op.online_alter_type("tickets", "id", type_)  # type: ignore[attr-defined]

    async with engine.connect() as connection:
        await connection.run_sync(run)


async def test_a_key_is_widened_with_its_indexes_and_goes_on_after_a_failure(
    tables: str, engine: AsyncEngine, connect: Connect
) -> None:
    application = await connect(tables)
    await application.execute(TABLE)
    before = shape(tables)

    await application.execute(REFUSE_TO_RENAME)
    with pytest.raises(DBAPIError, match="not now"):
        await alter(engine, sa.BigInteger())
    await application.execute(LET_RENAME)
    await application.execute("INSERT INTO tickets (code) VALUES (1)")
    await alter(engine, sa.BigInteger())
    wide = shape(tables)
    await application.execute("INSERT INTO tickets (code) VALUES (1)")
    await alter(engine, sa.Integer())

    assert [line for line in before if "id integer" in line and "id bigint" not in line]
    assert [line.replace("bigint", "integer") for line in wide if "id bigint" in line]
    assert not [line for line in wide if "online_" in line]
    assert shape(tables) == before
    assert await application.fetchval("SELECT count(*) = 1002 AND max(id) = 1002 FROM tickets")


async def test_a_key_that_others_refer_to_is_refused(tables: str, engine: AsyncEngine, connect: Connect) -> None:
    application = await connect(tables)
    await application.execute(TABLE)
    await application.execute("CREATE TABLE answers (ticket int REFERENCES tickets)")

    with pytest.raises(Exception, match="constraint answers_ticket_fkey on table answers"):
        await alter(engine, sa.BigInteger())
