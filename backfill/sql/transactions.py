"""One bounded transaction against the application's database, and what its failure means.

Every transaction sets its own limits, every failure leaves as a `BatchFailed` with its classification, and
nothing of a row's content goes with it: the server's DETAIL and the messages of data exceptions quote values.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.runs.failures import READ_ONLY, BatchFailed, Failure, classify
from backfill.sql.built import render
from backfill.sql.database import connection_failure, leads_to, why_read_only
from backfill.sql.folder import QUERIES

# The longest transaction, a part of a large unit, has ten of them. Each may take its time, and all of them together.
MOST_STATEMENTS = 12

_FROM_17 = (17,)

_UNUSABLE = "a value could not be used ({})"
# A connection that cannot be made fails with the driver's own errors or the system's, everything later with DBAPIError.
_DATABASE_ERRORS = (DBAPIError, PoolTimeout, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Milliseconds, applied to every transaction (never to the session, see set_limits.sql).

    `scan_timeout_ms` is for statements that only read, hold no row lock and may take longer.
    """

    lock_timeout_ms: int
    statement_timeout_ms: int
    scan_timeout_ms: int
    idle_in_transaction_timeout_ms: int


@asynccontextmanager
async def transaction(
    engine: AsyncEngine, limits: Limits, *, statement_timeout_ms: int | None = None
) -> AsyncIterator[AsyncConnection]:
    """READ COMMITTED (the engine's setting), committed at the end of the block; raises BatchFailed."""
    async with (
        _classified(engine),
        engine.begin() as connection,
        _bounded(connection, limits, statement_timeout_ms),
    ):
        yield connection


@asynccontextmanager
async def rolled_back(engine: AsyncEngine, limits: Limits) -> AsyncIterator[AsyncConnection]:
    """The same, but nothing is kept: the connection is given back without a commit, which ends what it began."""
    async with _classified(engine), engine.connect() as connection, _bounded(connection, limits, None):
        yield connection


@asynccontextmanager
async def _bounded(
    connection: AsyncConnection, limits: Limits, statement_timeout_ms: int | None
) -> AsyncIterator[None]:
    """What is begun in the block has the limits from its BEGIN on."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    whole = driver.get_server_version() >= _FROM_17
    driver.begins_with = _limits_of(limits, statement_timeout_ms or limits.statement_timeout_ms, whole=whole)
    try:
        yield
    except DBAPIError as error:
        if classify(getattr(error.orig, "sqlstate", None), connection_lost=False) is Failure.SERVER:
            # A session that began read-only stays so after the database has become writable again.
            await connection.invalidate()
        raise
    finally:
        driver.begins_with = ""


@lru_cache(maxsize=64)
def _limits_of(limits: Limits, statement_ms: int, *, whole: bool) -> str:
    """Statements with their values in them: only such can share a message with BEGIN."""
    parameters = {
        "lock_timeout": limits.lock_timeout_ms,
        "statement_timeout": statement_ms,
        "idle_timeout": limits.idle_in_transaction_timeout_ms,
    }
    set_limits = render(QUERIES.statement("set_limits").bindparams(**parameters))
    if not whole:
        return set_limits
    longest_ms = MOST_STATEMENTS * statement_ms + limits.idle_in_transaction_timeout_ms
    set_whole = render(QUERIES.statement("set_whole_limit").bindparams(transaction_timeout=longest_ms))
    return f"{set_limits};\n{set_whole}"


@asynccontextmanager
async def _classified(engine: AsyncEngine) -> AsyncIterator[None]:
    try:
        yield
    except _DATABASE_ERRORS as error:
        failed = _batch_failed(engine, error)
        if failed.sqlstate == READ_ONLY and (why := await _why_read_only(engine)):
            failed.message = why
        raise failed from error


async def _why_read_only(engine: AsyncEngine) -> str | None:
    """Asked of a new session; None where it cannot be asked, or writes by now."""
    try:
        async with engine.connect() as connection:
            found = await why_read_only(connection)
    except _DATABASE_ERRORS:
        return None
    return f"{leads_to(engine)} {found.why}. {found.remedy}" if found else None


def _batch_failed(engine: AsyncEngine, error: Exception) -> BatchFailed:
    driver_error = getattr(error, "orig", None) or error
    cause = driver_error.__cause__ or driver_error
    sqlstate = getattr(driver_error, "sqlstate", None)
    if _cannot_be_sent(cause):
        return BatchFailed(Failure.ROW, _UNUSABLE.format(type(cause).__name__), sqlstate=None)
    why_unreachable = connection_failure(error)
    failure = classify(sqlstate, connection_lost=why_unreachable is not None)
    message = f"{leads_to(engine)} {why_unreachable}" if why_unreachable is not None else _message(sqlstate, cause)
    return BatchFailed(failure, message, sqlstate=sqlstate, constraint=getattr(cause, "constraint_name", None))


def _cannot_be_sent(error: BaseException) -> bool:
    """A value that the driver refuses before the server has seen it; its text quotes it. A wrong URL is none."""
    is_of_a_value = isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)
    return is_of_a_value and not isinstance(error, asyncpg.ClientConfigurationError)


def _message(sqlstate: str | None, error: BaseException) -> str:
    primary = str(getattr(error, "message", None) or error)
    if sqlstate is not None and sqlstate.startswith("22"):
        return _UNUSABLE.format(type(error).__name__)
    return primary.splitlines()[0] if primary else type(error).__name__
