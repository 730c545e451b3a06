from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.alembic.online_ddl import LockProtocol
from backfill.runs.errors import SchemaNotReady
from backfill.sql.database import open_engine


def add_column_that_stays_null(connection: sa.Connection) -> None:
    never = sa.Column("never", sa.Text(), server_default=sa.text("CASE WHEN random() < 2 THEN NULL END"))
    protocol = LockProtocol(sleep=lambda _: None)
    options = {"transaction_per_migration": True, "lock_protocol": protocol}
    context = MigrationContext.configure(connection=connection, opts=options)
    with context.begin_transaction(_per_migration=True), Operations.context(context) as op:
        op.online_add_column("orders", never)  # type: ignore[attr-defined]


async def test_rows_that_do_not_keep_their_value_end_the_filling_with_a_sentence(tables: str) -> None:
    engine: AsyncEngine = open_engine(tables, application_name="tests")
    async with engine.connect() as connection:
        with pytest.raises(SchemaNotReady, match="rows of orders do not keep their new value"):
            await connection.run_sync(add_column_that_stays_null)
    await engine.dispose()
