"""Opens PostgreSQL from a DATABASE_URL, and says in words why it could not be used.

What operators write is libpq's dialect (`postgresql://`, `postgres://`, `sslmode`); the driver is asyncpg.
The two are reconciled here once, so that nobody else parses a URL, and a password never reaches a message.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from asyncpg.exceptions import ClientConfigurationError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from worker.runs.errors import DatabaseUnreachable, OperatorError, SettingsError

CONNECT_TIMEOUT_SECONDS = 5.0

_DRIVER = "postgresql+asyncpg"
_SCHEMES = {"postgresql", "postgres", _DRIVER}
_SSL_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
_SESSION_ATTRIBUTES = {"any", "primary", "standby", "read-write", "read-only", "prefer-standby"}
_SSL_FILES = {"sslrootcert", "sslcert", "sslkey", "sslcrl"}
_UNDERSTOOD = {"ssl", "host", "port", "target_session_attrs", "passfile", "krbsrvname"} | _SSL_FILES
# libpq's names for what is set here anyway.
_SET_HERE = {"application_name", "connect_timeout"}

# How the server finds out that this process or its host is gone. A killed process's statement ends at once instead of
# holding its locks to its end; a host that the network has lost is given up within half a minute, where the default is
# two hours for a session that is idle, and a quarter of an hour for an answer that nobody takes.
_SERVER_LOOKS_AFTER_US = {
    "client_connection_check_interval": "500ms",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "25s",
}

_EXAMPLE = "Expected something like postgresql://user:password@host:5432/database."
_IF_PGBOUNCER = "if it is PgBouncer, set BACKFILL_PGBOUNCER=true"
# A prepared statement is not there any more, or another client's is.
_LOST_STATEMENTS = {"26000", "42P05"}


def sqlalchemy_url(url: str) -> URL:
    """The URL as SQLAlchemy and asyncpg want it; SettingsError, without the password, when it cannot be one."""
    try:
        parsed = make_url(url.strip())
    except (ArgumentError, ValueError):
        # Its text may quote the URL, and that holds the password: `from None` keeps it out of any traceback too.
        raise SettingsError("DATABASE_URL is not a URL.", _EXAMPLE) from None
    if parsed.drivername not in _SCHEMES:
        raise SettingsError(f"DATABASE_URL begins with {parsed.drivername}://, not with postgresql://.", _EXAMPLE)
    query = {name: value for name, value in parsed.query.items() if name not in _SET_HERE}
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    if query.get("ssl", "prefer") not in _SSL_MODES:
        raise SettingsError(f"DATABASE_URL: sslmode is none of {', '.join(sorted(_SSL_MODES))}.")
    if query.get("target_session_attrs", "any") not in _SESSION_ATTRIBUTES:
        raise SettingsError(f"DATABASE_URL: target_session_attrs is none of {', '.join(sorted(_SESSION_ATTRIBUTES))}.")
    if unknown := sorted(query.keys() - _UNDERSTOOD):
        raise SettingsError(
            f"DATABASE_URL has parameters that are not understood: {', '.join(unknown)}.", "Remove them."
        )
    return parsed.set(drivername=_DRIVER, query=query)


def open_engine(
    url: str,
    *,
    application_name: str,
    pool_size: int = 5,
    command_timeout_seconds: float | None = 30.0,
    pgbouncer: bool = False,
) -> AsyncEngine:
    """An engine that has not connected yet. `command_timeout_seconds` bounds every call, on the client's side.

    READ COMMITTED is spelled out because the lock protocol needs it, whatever the database's default is.
    """
    target = sqlalchemy_url(url)
    files = {name: str(value) for name, value in target.query.items() if name in _SSL_FILES}
    _check_readable(files)
    connect_args: dict[str, Any] = {
        "timeout": CONNECT_TIMEOUT_SECONDS,
        "command_timeout": command_timeout_seconds,
        "server_settings": {"application_name": application_name},
    }
    if files:
        # asyncpg takes these from a DSN only; one without host or user leaves everything else to the URL.
        connect_args["dsn"] = f"postgresql://?{urlencode(files)}"
    if pgbouncer:
        connect_args |= _for_pgbouncer()
    else:
        connect_args["server_settings"] |= _SERVER_LOOKS_AFTER_US
    try:
        return create_async_engine(
            target.difference_update_query(_SSL_FILES),
            isolation_level="READ COMMITTED",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=command_timeout_seconds or CONNECT_TIMEOUT_SECONDS,
            connect_args=connect_args,
        )
    except ArgumentError:
        # Its text quotes what it could not read.
        raise SettingsError("DATABASE_URL has hosts or ports that cannot be used.", _EXAMPLE) from None


def _check_readable(files: Mapping[str, str]) -> None:
    """The driver's own error does not say which file it is that is missing."""
    for name, file in files.items():
        try:
            with Path(file).open("rb"):
                pass
        except OSError as error:
            raise SettingsError(f"DATABASE_URL: {name} names a file that cannot be read: {file}.") from error


def _for_pgbouncer() -> dict[str, Any]:
    """Behind PgBouncer in transaction mode the next transaction may meet another session of the server.

    Statements have no names: the server forgets one with the next. One with a name would stay in a session that
    nobody finds again to close it, and all of them together take the server's memory.
    """
    return {
        "statement_cache_size": 0,
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": str,
    }


def describe(url: str) -> str:
    """Where a URL leads, in words that may be shown: host, port and database."""
    parsed = sqlalchemy_url(url)
    host = parsed.host or parsed.query.get("host") or "the default host"
    where = host if isinstance(host, str) else ", ".join(host)
    port = f":{parsed.port}" if parsed.port else ""
    return f"PostgreSQL at {where}{port}" + (f" (database {parsed.database})" if parsed.database else "")


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


def connection_failure(error: BaseException) -> str | None:
    """Why the server could not be used, to be read after its name; None when `error` says something else."""
    for cause in _causes(error):
        if (sqlstate := getattr(cause, "sqlstate", None)) and (reason := _reason(sqlstate, cause)):
            return reason
        if isinstance(cause, TimeoutError):
            return "did not answer in time"
        if isinstance(cause, ssl.SSLError | ClientConfigurationError):
            return _tls_reason(cause)
        if isinstance(cause, OSError):
            return f"cannot be reached: {_os_reason(cause)}"
        if isinstance(cause, InterfaceError) and "closed" in str(cause):
            return "closed the connection"
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return "closed the connection" if lost else None


def _reason(sqlstate: str, error: BaseException) -> str | None:
    words = {
        "28P01": "refused the password",
        "3D000": "does not have this database",
        "53300": "has no connection left",
        "57P03": "is starting up or shutting down",
        "25006": "is read-only, perhaps a standby",
    }
    if sqlstate in words:
        return words[sqlstate]
    said = str(error).splitlines()[0]
    if sqlstate.startswith("28"):
        return f"refused the login: {said}"
    if "startup parameter" in said:
        return f"refused the connection ({said}); {_IF_PGBOUNCER}"
    if sqlstate in _LOST_STATEMENTS:
        return f"changes sessions between statements ({said}); {_IF_PGBOUNCER}"
    if sqlstate.startswith(("08", "57P")):
        return "closed the connection"
    return None


def _tls_reason(error: BaseException) -> str:
    if isinstance(error, ClientConfigurationError):
        # Of what the driver checks for itself, only the authority's file can be missing here.
        return f"cannot be verified: {str(error).splitlines()[0]}; name it in DATABASE_URL with sslrootcert"
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
