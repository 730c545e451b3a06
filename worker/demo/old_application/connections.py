"""A database connection of the application that is opened again when it was lost.

The engine knows how to connect (TLS, timeouts, names); the statements go to the driver underneath it, which prepares
each once and keeps it, as the application's own connections do.
"""

from __future__ import annotations

from contextlib import suppress
from typing import cast

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.sql.database import connection_failure

# How a call can fail because of the server or on the way to it. InternalClientError is what the driver says of a
# connection that was cut at a moment it did not expect; TimeoutError is an OSError.
DATABASE_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    DBAPIError,
    OSError,
)


class Connection:
    """At most one connection at a time, opened on demand."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._pooled: AsyncConnection | None = None

    @property
    def is_open(self) -> bool:
        return self._pooled is not None

    async def pooled(self) -> AsyncConnection:
        if self._pooled is None:
            self._pooled = await self._engine.connect()
        return self._pooled

    async def opened(self) -> asyncpg.Connection[asyncpg.Record]:
        raw = await (await self.pooled()).get_raw_connection()
        return cast("asyncpg.Connection[asyncpg.Record]", raw.driver_connection)

    async def drop_if_lost(self, error: BaseException) -> None:
        """After an error: a connection that may still be used stays, any other is thrown away.

        Not only what is closed already: after a farewell of the server (57P01) the driver takes a moment to see it.
        """
        if self._pooled is None:
            return
        is_broken = isinstance(error, asyncpg.InternalClientError) or connection_failure(error) is not None
        if is_broken or (await self.opened()).is_closed():
            await self.close()

    async def close(self) -> None:
        if self._pooled is not None:
            pooled, self._pooled = self._pooled, None
            # It may be broken in any way; what goes wrong while it is closed is of no interest.
            with suppress(*DATABASE_ERRORS):
                await pooled.invalidate()
            with suppress(*DATABASE_ERRORS):
                await pooled.close()
