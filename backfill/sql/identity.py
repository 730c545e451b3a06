"""Asks a server which one it is, so that databases of one are known to be of one, whatever their URLs say."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.servers import Identity
from backfill.sql.folder import QUERIES
from backfill.sql.transactions import Limits, rolled_back

# From the most that a server may tell to the least.
_QUESTIONS = ("read_identity", "read_start")


async def read_identity(engine: AsyncEngine, limits: Limits, *, place: str) -> Identity:
    """`place` is all that is known of a server that says nothing. Raises BatchFailed where it was not reached or did
    not come to an answer."""
    for question in _QUESTIONS:
        try:
            async with rolled_back(engine, limits) as connection:
                row = (await QUERIES.run(connection, question, {})).mappings().one()
        except BatchFailed as failed:
            if failed.failure not in (Failure.SCHEMA, Failure.ROW):
                raise
        else:
            return Identity(place=place, **row)
    return Identity(place=place)
