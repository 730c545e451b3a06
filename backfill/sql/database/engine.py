"""Engines: where they connect, with which limits, and what their sessions are set to from the beginning."""

from __future__ import annotations

import socket
import ssl
import stat
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg
from asyncpg.exceptions import TargetServerAttributeNotMatched
from sqlalchemy.engine import URL, Engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from backfill.runs.errors import SettingsError
from backfill.sql.database.driver import BoundedConnection
from backfill.sql.database.refusals import CannotConnect, why_refused
from backfill.urls import TLS_FILES, DatabaseUrl, Host, read_database_url

CONNECT_TIMEOUT_SECONDS = 5.0

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
# And how this side finds out that the server's host is gone: otherwise a call waits half a minute for an answer that
# nobody will give, as it does where the system has no such option.
_LOOKS_AFTER_SERVER = {
    "TCP_KEEPIDLE": 3,
    "TCP_KEEPINTVL": 1,
    "TCP_KEEPCNT": 4,
    "TCP_USER_TIMEOUT": 7_000,  # ms
}
# Whatever is set for the role or the database: rows are refused and never left out, transactions are READ COMMITTED,
# and each sets its own limits. A role that is to be read-only stays so.
_OURS = {
    "row_security": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
}
_LEADS_TO = "leads_to"
# The class of what else a server says means something only where there is a connection.
_NO_ROOM = "53"
# What another host may do better. Whatever else a server refuses, the next one would, too.
_NEXT_HOST = (OSError, TimeoutError, asyncpg.CannotConnectNowError, TargetServerAttributeNotMatched)
# PostgreSQL's refusals, the driver's own, and what comes of an environment that it cannot read: PGPORT that is no
# number, an account without a name, where the URL says nothing of it.
_REFUSED = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ssl.SSLError,
    ValueError,
    KeyError,
)


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
    target = read_database_url(url)
    connect_args = _arguments(target) | {"command_timeout": command_timeout_seconds}
    settings = {"application_name": application_name}
    if pgbouncer:
        if target.options:
            raise SettingsError(
                "DATABASE_URL has the parameter options, which PgBouncer does not pass on.",
                "Use ALTER ROLE ... SET instead.",
            )
        connect_args |= _for_pgbouncer()
    else:
        settings |= _SERVER_LOOKS_AFTER_US | _OURS
        if target.options:
            settings["options"] = target.options
    return create_async_engine(
        # For whoever looks at the engine; what counts are the arguments.
        URL.create("postgresql+asyncpg"),
        isolation_level="READ COMMITTED",
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=command_timeout_seconds or CONNECT_TIMEOUT_SECONDS,
        connect_args=connect_args | {"server_settings": settings, "async_creator_fn": _connecting(target)},
        execution_options={_LEADS_TO: str(target)},
    )


def is_ours(engine: Engine) -> bool:
    """Whether `open_engine` has opened it."""
    return _LEADS_TO in engine.get_execution_options()


def leads_to(engine: AsyncEngine) -> str:
    """Where it connects to, in words that may be shown."""
    return str(engine.get_execution_options()[_LEADS_TO])


def _arguments(target: DatabaseUrl) -> dict[str, Any]:
    """What is the same for each host."""
    _check_readable({name: target.tls[name] for name in TLS_FILES if name in target.tls})
    if target.passfile is not None:
        _check_readable({"passfile": target.passfile})
        _check_private(target.passfile)
    arguments = {
        "user": target.user,
        "password": target.password,
        "database": target.database,
        "passfile": target.passfile,
        "ssl": target.sslmode,
        "krbsrvname": target.krbsrvname,
    }
    found: dict[str, Any] = {name: value for name, value in arguments.items() if value is not None}
    seconds = target.connect_timeout_seconds
    found["timeout"] = CONNECT_TIMEOUT_SECONDS if seconds is None else seconds or None
    if target.tls:
        # asyncpg takes these from a DSN only; one without host or user leaves everything else to the arguments.
        found["dsn"] = f"postgresql://?{urlencode(target.tls)}"
    return found


def _connecting(target: DatabaseUrl) -> Callable[..., Awaitable[BoundedConnection]]:
    """The driver goes through hosts itself, but one that does not answer would take the time of all others. Where the
    server is to be of some kind, the one that was so last is asked first: the one before it in the list may be dead."""
    attributes = target.session_attributes
    rounds = ("standby", "any") if attributes == "prefer-standby" else (attributes,)
    tries = [(wanted, host) for wanted in rounds for host in target.hosts]

    async def connect(**arguments: Any) -> BoundedConnection:
        refused: list[tuple[Host, Exception]] = []
        for wanted, host in tuple(tries):
            where = {name: value for name, value in (("host", host.name), ("port", host.port)) if value is not None}
            try:
                connection = await BoundedConnection.to(**arguments, **where, target_session_attrs=wanted)
            except _NEXT_HOST as error:
                refused.append((host, error))
            except _REFUSED as error:
                raise _cannot_connect([(host, error)], target) from error
            else:
                if len(rounds) == 1 and wanted != "any":
                    tries.sort(key=lambda one: one[1] is not host)
                _look_after_server(connection)
                return connection
        raise _cannot_connect(refused, target) from refused[-1][1]

    return connect


def _look_after_server(connection: BoundedConnection) -> None:
    """The driver has no parameter for it."""
    link: socket.socket = connection._transport.get_extra_info("socket")  # noqa: SLF001 - there is no other way to it
    if link.family in {socket.AF_INET, socket.AF_INET6}:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _LOOKS_AFTER_SERVER.items():
            if (option := getattr(socket, name, None)) is not None:
                link.setsockopt(socket.IPPROTO_TCP, option, value)


def _cannot_connect(refused: list[tuple[Host, Exception]], target: DatabaseUrl) -> CannotConnect:
    """Of several hosts each is told with its own reason."""
    reasons = {str(host): why_refused(error) for host, error in refused}
    if len(target.hosts) > 1:
        reason = f"cannot be used ({'; '.join(f'{host} {why}' for host, why in reasons.items())})"
    else:
        (reason,) = reasons.values()
    sqlstate: str = getattr(refused[-1][1], "sqlstate", None) or ""
    return CannotConnect(reason, sqlstate=sqlstate if sqlstate.startswith(_NO_ROOM) else None)


def _check_readable(files: Mapping[str, str]) -> None:
    """The driver's own error does not say which file it is that is missing."""
    for name, file in files.items():
        try:
            with Path(file).open("rb"):
                pass
        except OSError as error:
            raise SettingsError(f"DATABASE_URL: {name} names a file that cannot be read: {file}.") from error


def _check_private(passfile: str) -> None:
    """The driver passes over one that others may read, and then has no password."""
    if Path(passfile).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(
            f"DATABASE_URL: passfile names a file that others may read: {passfile}.", f"Run: chmod 600 {passfile}"
        )


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
