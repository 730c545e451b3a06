"""Runs a migration on its own connection, watched, one at a time, and explains what an operator can mend.

Alembic's code is synchronous and runs inside `run_sync`; the watch is a task of the same loop. So the pauses
between two tries must be the loop's, too: `pause` below.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

from worker.database import open_engine, reachable
from worker.runs.errors import OperatorError, SchemaNotReady, WaitTimedOut
from worker.schema.lock_watch import LockWatch, watching
from worker.schema.online_ddl import LockProtocol
from worker.sqlfiles import load_sql

log = logging.getLogger(__name__)

_ASK_AGAIN_SECONDS = 0.25
_SAY_AGAIN_SECONDS = 5.0


def pause(seconds: float) -> None:
    """Sleeps inside `run_sync` without holding up the loop."""
    await_only(asyncio.sleep(seconds))


async def migrate(
    url: str, run: Callable[[Connection], None], *, patience_seconds: float, pgbouncer: bool = False
) -> None:
    """Calls `run` with a connection that has no client-side timeout: building an index takes as long as it takes."""
    engine = open_engine(
        url, application_name="codebegen-migration", command_timeout_seconds=None, pool_size=2, pgbouncer=pgbouncer
    )
    try:
        async with reachable(url), engine.connect() as connection:
            pid = await connection.scalar(text("SELECT pg_backend_pid()"))
            await connection.commit()
            async with watching(engine, pid, patience_seconds=patience_seconds) as watch:
                try:
                    await connection.run_sync(run)
                except DBAPIError as error:
                    if explained := _explain(error, watch):
                        raise explained from error
                    raise
    finally:
        await engine.dispose()


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
        return bool(connection.scalar(text(load_sql("worker.schema", "sql/try_migration_lock.sql"))))


def _holder(connection: Connection) -> object:
    with connection.begin():
        return connection.scalar(text(load_sql("worker.schema", "sql/migration_lock_holder.sql")))


def _explain(error: DBAPIError, watch: LockWatch | None) -> OperatorError | None:
    """None for what is a bug."""
    said = str(error.orig.__cause__ if error.orig else error).splitlines()[0]
    if watch is not None and watch.gave_up:
        return WaitTimedOut(
            f"Gave up {watch.last}.", "End that session, or raise BACKFILL_MIGRATION_PATIENCE_SECONDS; then run again."
        )
    match getattr(error.orig, "sqlstate", None):
        case "42501":
            return SchemaNotReady(f"The schema may not be changed: {said}.", "Migrate as the owner of the tables.")
        case "42P07":
            return SchemaNotReady(
                f"This database has tables already, but no revision is recorded: {said}.",
                "If they are the application's, run `alembic stamp e011ab9dd223` first.",
            )
        case "42P01" | "42703" | "3F000":
            return SchemaNotReady(
                f"The tables are not those of the recorded revision: {said}.",
                "Check DATABASE_URL and `alembic current`.",
            )
        case "55000":
            return SchemaNotReady(f"The schema is not complete: {said}.", "Run it again: it goes on where it stopped.")
    return None
