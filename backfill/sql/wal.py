"""How much WAL the server has written, by everybody on it."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.sql.folder import QUERIES
from backfill.sql.transactions import Limits, transaction


async def wal_written(engine: AsyncEngine, limits: Limits) -> int:
    """In bytes, since the server was made. Raises BatchFailed."""
    async with transaction(engine, limits) as connection:
        return int((await QUERIES.run(connection, "wal_written", {})).scalar_one())
