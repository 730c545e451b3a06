from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from backfill.alembic.checks import OnlineChecks
from backfill.runs.errors import SchemaNotReady
from backfill.sql.database import open_engine

AS_OWNER_OF_THE_TABLE = """
    CREATE ROLE {role};
    ALTER TABLE orders OWNER TO {role};
    GRANT CREATE, USAGE ON SCHEMA public TO {role};
    REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC;
    SET ROLE {role}
"""
BACK = "RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}"


def retype(connection: sa.Connection) -> None:
    options = {"transaction_per_migration": True, "online_checks": OnlineChecks(small_bytes=1)}
    context = MigrationContext.configure(connection=connection, opts=options)
    with context.begin_transaction(_per_migration=True), Operations.context(context) as op:
        op.alter_column("orders", "total", type_=sa.BigInteger())


async def test_without_the_right_to_ask_the_server_nothing_is_let_through(tables: str) -> None:
    database = tables.rsplit("/", 1)[1]
    names = {"database": database, "role": f"no_temporary_{database}"}
    engine = open_engine(tables, application_name="tests")
    async with engine.connect() as connection:
        for statement in AS_OWNER_OF_THE_TABLE.format_map(names).split(";"):
            await connection.execute(sa.text(statement))
        await connection.commit()
        with pytest.raises(SchemaNotReady, match="GRANT TEMPORARY ON DATABASE"):
            await connection.run_sync(retype)
        await connection.rollback()
        for statement in BACK.format_map(names).split(";"):
            await connection.execute(sa.text(statement))
        await connection.commit()
    await engine.dispose()
