"""Asks a server where its write-ahead log stands."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.standing import Standing
from backfill.sql.folder import QUERIES
from backfill.sql.transactions import Limits, transaction


async def read_standing(engine: AsyncEngine, limits: Limits) -> Standing | None:
    """None where it cannot be told: on a standby, and on servers that keep their log in another way.

    Raises BatchFailed where the server was not reached or did not come to an answer: that is no answer.
    """
    try:
        async with transaction(engine, limits) as connection:
            row = (await QUERIES.run(connection, "read_standing", {})).mappings().one_or_none()
    except BatchFailed as failed:
        if failed.failure not in (Failure.SCHEMA, Failure.ROW):
            raise
        return None
    return None if row is None else Standing(**row)
