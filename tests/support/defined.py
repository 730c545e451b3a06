"""A definition on a database of a test's own, taken to its end by the real engine."""

from __future__ import annotations

import asyncpg
from sqlalchemy.schema import CreateSchema, CreateTable

from backfill.sql.built import DIALECT
from backfill.sql.transactions import Limits
from tests.support.keyed_tables import ROWS, Keyed

LIMITS = Limits(
    lock_timeout_ms=500, statement_timeout_ms=5_000, scan_timeout_ms=30_000, idle_in_transaction_timeout_ms=5_000
)


async def create(sql: asyncpg.Connection, kind: Keyed, *, rows: int = ROWS) -> None:
    """The table with its rows; never analyzed."""
    table = kind.table
    if table.schema:
        await sql.execute(str(CreateSchema(table.schema).compile(dialect=DIALECT)))
    await sql.execute(kind.ddl or str(CreateTable(table).compile(dialect=DIALECT)))
    quoted = DIALECT.identifier_preparer.format_table(table)
    email = "'  User' || number || '@Example.com '"
    numbers = f"generate_series(0, {rows - 1}) AS number"
    await sql.execute(f"INSERT INTO {quoted} SELECT {kind.insert}, {email} FROM {numbers}")  # noqa: S608
