"""Reads every column that the application writes, of every row: once before everything, and once at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg

from backfill.sql.files import read_sql
from tests.proof.journal import TABLES, Journal, Values

_SQL = Path(__file__).with_name("sql") / "read"
_ROWS_AT_ONCE = 2_000


async def take_snapshot(database_url: str, journal: Journal) -> None:
    """While nobody writes; before or after the migration."""
    connection = await asyncpg.connect(database_url)
    try:
        for table in TABLES:
            async for row_id, values in read_table(connection, table):
                journal.found(table, row_id, values)
    finally:
        await connection.close()
    journal.has_snapshot = True


async def read_table(connection: asyncpg.Connection[asyncpg.Record], table: str) -> AsyncIterator[tuple[str, Values]]:
    """Long values as digests made by the server."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for row in connection.cursor(read_sql(_SQL / f"{table}.sql"), prefetch=_ROWS_AT_ONCE):
            yield row["id"], dict(row)
