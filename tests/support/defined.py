"""A definition on a database of a test's own, taken to its end by the real engine."""

from __future__ import annotations

from collections.abc import Iterable

import asyncpg
from sqlalchemy import MetaData, TextClause
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.schema import CreateSchema, CreateTable

from backfill.definitions import Columns, sync_trigger
from backfill.engine.protocols import Backfill
from backfill.runs.record import Run
from backfill.runs.states import State
from backfill.sql.built import DIALECT
from backfill.sql.transactions import Limits
from tests.support.in_process import InProcessRun
from tests.support.keyed_tables import ROWS, Keyed

LIMITS = Limits(
    lock_timeout_ms=500, statement_timeout_ms=5_000, scan_timeout_ms=30_000, idle_in_transaction_timeout_ms=5_000
)
TURNS = 200
# In this test's database: others have their own on the same server. What the statistics say of sessions stays the same
# within a transaction, locks do not.
WAITING = """
    SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (
        SELECT pid FROM pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


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


async def create_all(engine: AsyncEngine, metadata: MetaData) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)


async def install(engine: AsyncEngine, *definitions: type[Columns]) -> None:
    """Their sync triggers, as a revision does it."""
    for definition in definitions:
        await _execute(engine, sync_trigger(definition).create)


async def remove(engine: AsyncEngine, definition: type[Columns]) -> None:
    await _execute(engine, sync_trigger(definition).drop)


async def to_its_end(run: InProcessRun, backfill: Backfill) -> Run:
    """However it ends; what is put off is waited for."""
    for _ in range(TURNS):
        await run.work(backfill)
        found = await run.read()
        if found.done or found.state is State.PAUSED:
            return found
        run.outlast_leases()
    raise AssertionError(f"not at its end after {TURNS} turns")


async def _execute(engine: AsyncEngine, statements: Iterable[TextClause]) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(statement)
