"""Runs a migration on its own connection, watched, one at a time, and explains what an operator can mend.

Alembic's code is synchronous and runs inside `run_sync`; the watch is a task of the same loop. So the pauses
between two tries must be the loop's, too: `pause` below.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from alembic.util import CommandError
from sqlalchemy import Connection, TextClause, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.util import await_only

from backfill.alembic.lock_watch import LockWatch, watching
from backfill.alembic.online_ddl import WATCHED, LockProtocol
from backfill.runs.errors import DatabaseUnreachable, OperatorError, SchemaNotReady, UsageError, WaitTimedOut
from backfill.runs.failures import INSUFFICIENT_PRIVILEGE, READ_ONLY
from backfill.sql.database import leads_to, open_engine, reachable, why_read_only
from backfill.sql.files import load_sql

log = logging.getLogger(__name__)

_ASK_AGAIN_SECONDS = 0.25
_SAY_AGAIN_SECONDS = 5.0


def pause(seconds: float) -> None:
    """Sleeps inside `run_sync` without holding up the loop."""
    await_only(asyncio.sleep(seconds))


async def migrate(
    url: str,
    run: Callable[[Connection], None],
    *,
    patience_seconds: float,
    pgbouncer: bool = False,
    stamp: str = "REVISION",
) -> None:
    """Calls `run` with a connection that has no client-side timeout: building an index takes as long as it takes.

    `stamp` is the revision of a database that has the application's tables, but none recorded.
    """
    engine = open_engine(
        url, application_name="backfill-migration", command_timeout_seconds=None, pool_size=3, pgbouncer=pgbouncer
    )
    event.listen(engine.sync_engine, "begin", _set_what_it_relies_on)
    if pgbouncer:
        event.listen(engine.sync_engine, "do_connect", _name_statements)
    try:
        async with reachable(url), engine.connect() as connection:
            pid = await connection.scalar(text("SELECT pg_backend_pid()"))
            if not pgbouncer:
                await connection.execute(_statement("unbound_session"))
            await connection.commit()
            if pgbouncer:
                log.warning("migrating through PgBouncer: nothing is said about waits; better connect directly")
            # There a statement may run in any session, so that the one with this pid may be somebody else's.
            watched = nullcontext() if pgbouncer else watching(engine, pid, patience_seconds=patience_seconds)
            async with watched as watch:
                if watch is not None and connection.sync_connection is not None:
                    connection.sync_connection.info[WATCHED] = True
                await _run_explained(connection, run, _Known(watch=watch, stamp=stamp))
    finally:
        await engine.dispose()


def _set_what_it_relies_on(connection: Connection) -> None:
    """In each transaction, because behind PgBouncer there is nothing else to set it in."""
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.execute(_statement("set_migration"))


def _statement(name: str) -> TextClause:
    return text(load_sql("backfill.alembic", f"sql/{name}.sql"))


def _name_statements(_dialect: object, _record: object, _arguments: object, options: dict[str, Any]) -> None:
    """Most of a migration is outside of transactions, where PgBouncer may change the session between preparing a
    statement and running it: one without a name would then be what another client has prepared there."""
    options["prepared_statement_name_func"] = lambda: f"migration_{uuid4().hex}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What an explanation is made of besides the error."""

    watch: LockWatch | None
    stamp: str


async def _run_explained(connection: AsyncConnection, run: Callable[[Connection], None], known: _Known) -> None:
    try:
        await connection.run_sync(run)
    except CommandError as error:
        raise _unknown_revision(error) from error
    except SQLAlchemyError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # Ctrl-C tore the connection; what Alembic says on its way out about that connection hides the reason.
            raise asyncio.CancelledError from error
        if isinstance(error, DBAPIError) and (explained := await _explain(connection, error, known)):
            raise explained from error
        raise


def wait_for_turn(connection: Connection, protocol: LockProtocol) -> None:
    """Returns when no other migration runs on this database; the turn ends with the connection.

    Two at once would not damage anything, but the second one would fail at recording its revision.
    """
    began = said = time.monotonic()
    while not _take_turn(connection):
        now = time.monotonic()
        if now - began > protocol.patience_seconds:
            raise WaitTimedOut(
                f"Another migration was running for {now - began:.0f} s.", "Wait for it to end, then run again."
            )
        if said == began or now - said > _SAY_AGAIN_SECONDS:
            log.info("waiting for another migration on this database: pid %s", _holder(connection))
            said = now
        protocol.sleep(_ASK_AGAIN_SECONDS)


def _take_turn(connection: Connection) -> bool:
    with connection.begin():
        return bool(connection.scalar(_statement("try_migration_lock")))


def _holder(connection: Connection) -> object:
    with connection.begin():
        return connection.scalar(_statement("migration_lock_holder"))


# By SQLSTATE: what it means here, and what to do.
_REFUSALS: dict[str, tuple[type[OperatorError], str, str]] = {
    INSUFFICIENT_PRIVILEGE: (SchemaNotReady, "The schema may not be changed", "Migrate as the owner of the tables."),
    "42P07": (
        SchemaNotReady,
        "This database has tables already, but no revision is recorded",
        "If they are the application's, run `alembic stamp {stamp}` first.",
    ),
    "42P01": (
        SchemaNotReady,
        "The tables are not those of the recorded revision",
        "Check DATABASE_URL and `alembic current`; for a new database run `alembic stamp --purge base` first.",
    ),
    "42703": (
        SchemaNotReady,
        "The tables are not those of the recorded revision",
        "Check DATABASE_URL and `alembic current`; `backfill schema` names what is missing.",
    ),
    "3F000": (SchemaNotReady, "There is no schema public in this database", "Run: CREATE SCHEMA public;"),
    "55000": (
        SchemaNotReady,
        "The schema is not complete",
        "Run it again: it goes on where it stopped. `backfill schema` names what is missing.",
    ),
    **dict.fromkeys(
        ("23502", "23503", "23505", "23514"),
        (
            SchemaNotReady,
            "Rows that are there do not allow it",
            "Mend them, by a backfill if they are many; then run again, it goes on from here.",
        ),
    ),
    "26000": (
        UsageError,
        "PgBouncer moved the migration to another session",
        "Migrate over a direct connection; finished steps are kept.",
    ),
}

_ASKED_ABOUT = {INSUFFICIENT_PRIVILEGE, READ_ONLY}


def _unknown_revision(error: CommandError) -> Exception:
    """The error itself where it is another one, for Alembic to say on its command line."""
    if (said := re.search(r"Can't locate revision identified by '(\w+)'", str(error))) is None:
        return error
    return SchemaNotReady(
        f"The database is at revision {said[1]}, which is not one of these: the application's chain has gone on.",
        "Do not stamp it. `backfill schema` shows what a run would lack, `backfill schema --apply` adds it.",
    )


async def _explain(connection: AsyncConnection, error: DBAPIError, known: _Known) -> OperatorError | None:
    """None for what is a bug."""
    watch = known.watch
    if watch is not None and watch.gave_up:
        return WaitTimedOut(
            f"Gave up {watch.last}.", "End that session, or raise BACKFILL_MIGRATION_PATIENCE_SECONDS; then run again."
        )
    sqlstate = getattr(error.orig, "sqlstate", None) or ""
    if sqlstate in _ASKED_ABOUT and (asked := await _ask(connection, sqlstate)):
        return asked
    refusal = _REFUSALS.get(sqlstate)
    if refusal is None:
        return None
    kind, meaning, remedy = refusal
    cause = error.orig.__cause__ if error.orig else error
    # A revision's own refusal says what to do itself. What the server hints at otherwise is how to spell a name.
    hint = getattr(cause, "hint", None) if sqlstate == INSUFFICIENT_PRIVILEGE else None
    return kind(f"{meaning}: {str(cause).splitlines()[0]}.", hint or remedy.format(stamp=known.stamp))


async def _ask(connection: AsyncConnection, sqlstate: str) -> OperatorError | None:
    """The server knows more than it said. In a new transaction: the one that was refused answers nothing any more."""
    await connection.rollback()
    connection = await connection.execution_options(isolation_level="READ COMMITTED")
    if sqlstate == READ_ONLY:
        found = await why_read_only(connection)
        return DatabaseUnreachable(f"{leads_to(connection.engine)} {found.why}.", found.remedy) if found else None
    row = (await connection.execute(_statement("may_create"))).one()
    if row.may_create:
        return None
    return SchemaNotReady(
        f"The role {row.role} may not create anything in schema public.",
        f'Run: GRANT CREATE ON SCHEMA public TO "{row.role}"; or see docs/roles.sql.',
    )
