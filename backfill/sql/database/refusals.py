"""Why a server could not be used, or would not be written to, in words for whoever can mend it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from asyncpg.exceptions import ClientConfigurationError, PostgresError, TargetServerAttributeNotMatched
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.runs.errors import DatabaseUnreachable, OperatorError
from backfill.runs.failures import READ_ONLY
from backfill.sql.files import load_sql
from backfill.urls import describe

_CLOSED = "closed the connection"
_IF_PGBOUNCER = "if it is PgBouncer, set BACKFILL_PGBOUNCER=true"
# A prepared statement is not there any more, or another client's is.
_LOST_STATEMENTS = {"26000", "42P05"}


class CannotConnect(ConnectionError):
    """No connection could be made; `reason` is to be read after the server's name."""

    def __init__(self, reason: str, *, sqlstate: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sqlstate = sqlstate


@asynccontextmanager
async def reachable(url: str) -> AsyncIterator[None]:
    """Turns a failure to reach the server into DatabaseUnreachable. Put nothing but database calls inside:
    an OSError of another origin would be taken for the server's."""
    try:
        yield
    except OperatorError:
        raise  # explained already
    except Exception as error:
        reason = connection_failure(error)
        if reason is None:
            raise
        raise DatabaseUnreachable(f"{describe(url)} {reason}.", "Check the server and DATABASE_URL.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOnly:
    """`why` is to be read after the server's name; `own`: it was decided for this login alone."""

    why: str
    remedy: str
    own: bool


async def why_read_only(connection: AsyncConnection) -> ReadOnly | None:
    """What stands in the way of writing; None: nothing does."""
    found = await connection.execute(text(load_sql("backfill.sql", "queries/why_read_only.sql")))
    row = found.mappings().one_or_none()
    return None if row is None else ReadOnly(**row)


def why_refused(error: BaseException) -> str:
    """Why a connection could not be made. Whatever a server says to that, an operator can do something about it."""
    if isinstance(error, TargetServerAttributeNotMatched):
        return "is not what target_session_attrs asks for"
    known = connection_failure(error)
    if known is not None:
        return known
    if isinstance(error, PostgresError):
        return f"refused the connection: {_said(error)}"
    return f"cannot be connected to: {_said(error)}"


def connection_failure(error: BaseException) -> str | None:
    """Why the server could not be used, to be read after its name; None when `error` says something else."""
    for cause in _causes(error):
        if reason := _reason(cause):
            return reason
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return _CLOSED if lost else None


def _reason(error: BaseException) -> str | None:
    if isinstance(error, CannotConnect):
        return error.reason
    sqlstate: str | None = getattr(error, "sqlstate", None)
    if sqlstate and (told := _told(sqlstate, _said(error))):
        # Only what a server or a pooler says itself has a severity; the driver speaks of its own surprise.
        reason_given = sqlstate.startswith("08") and getattr(error, "severity", None)
        return f"{told}: {_said(error)}" if reason_given and told == _CLOSED else told
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, ssl.SSLError | ClientConfigurationError):
        return _tls_reason(error)
    if isinstance(error, OSError):
        return f"cannot be reached: {_os_reason(error)}"
    return _CLOSED if isinstance(error, InterfaceError) and "closed" in str(error) else None


def _told(sqlstate: str, said: str) -> str | None:
    """What the server says, by its SQLSTATE."""
    words = {
        "28P01": "refused the password",
        "3D000": "does not have this database",
        "53300": f"has no connection left: {said}",
        "57P03": f"takes no connections now: {said}",
        READ_ONLY: "is read-only",
    }
    if sqlstate in words:
        return words[sqlstate]
    if sqlstate.startswith("28"):
        return f"refused the login: {said}"
    if "startup parameter" in said:
        return f"refused the connection ({said}); {_IF_PGBOUNCER}"
    if sqlstate in _LOST_STATEMENTS:
        return f"changes sessions between statements ({said}); {_IF_PGBOUNCER}"
    return _CLOSED if sqlstate.startswith(("08", "57P")) else None


def _said(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _tls_reason(error: BaseException) -> str:
    if isinstance(error, ClientConfigurationError):
        if "root certificate" not in str(error):
            return f"cannot be connected to: {_said(error)}"
        return f"cannot be verified: {_said(error)}; name it in DATABASE_URL with sslrootcert"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"shows a certificate that is refused: {error.verify_message.rstrip('.')}"
    return f"and this client do not agree on TLS: {getattr(error, 'reason', None) or error}"


def _os_reason(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    words = error.strerror or str(error) or type(error).__name__
    return f"{words}: {error.filename}" if error.filename else words


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what the driver said, and what that came from."""
    known: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in known:
        known.add(id(current))
        yield current
        driver_error = getattr(current, "orig", None)
        current = driver_error if isinstance(driver_error, BaseException) else current.__cause__
