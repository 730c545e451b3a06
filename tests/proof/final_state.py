"""The whole database as it is when everything is over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import asyncpg

from backfill.sql.files import read_sql
from tests.proof.history import History, read_history
from tests.proof.journal import TABLES, Values
from tests.proof.snapshot import read_table

_SQL = Path(__file__).with_name("sql") / "oracle"


@dataclass(frozen=True, slots=True)
class FinalState:
    """Rows by table and id, with the columns of the migration; long values are digests."""

    tables: dict[str, dict[str, Values]]
    history: History


async def read_final_state(connection: asyncpg.Connection[asyncpg.Record]) -> FinalState:
    tables = {table: {row_id: row async for row_id, row in read_table(connection, table)} for table in TABLES}
    for table in ("projects", "generations"):
        for row in await connection.fetch(read_sql(_SQL / f"read_{table}.sql")):
            tables[table][row["id"]] = {**tables[table][row["id"]], **dict(row)}
    return FinalState(tables=tables, history=await read_history(connection))
