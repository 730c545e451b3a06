"""`backfill schema`: what the schema lacks, and adding it where `alembic upgrade head` does not."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

import typer
from sqlalchemy import Connection

from backfill.alembic.completing import Completion, Missing
from backfill.alembic.migrating import migrate, pause
from backfill.alembic.online_ddl import LockProtocol
from backfill.cli.options import Json
from backfill.cli.output import answer_console, say, write_json
from backfill.cli.steering import INTERRUPTED
from backfill.logging import setup_logging
from backfill.opening import database_alone
from backfill.runs.errors import SchemaNotReady
from backfill.runs.wording import counted
from backfill.settings import Settings, load_settings
from backfill.sql.catalog import Catalog
from backfill.sql.found import Recorded
from backfill.sql.judging import judge
from worker.generations.needs import BEFORE_REVISION, NEEDS, REVISION

Apply = Annotated[bool, typer.Option("--apply", help="Add it, with the short locks and the patience of the migration.")]
COMPLETION = Completion(REVISION)


def schema(apply: Apply = False, json: Json = False) -> None:
    """Say what of the schema is missing, and the SQL that adds it; with --apply, add it.

    For a database that another revision has brought here, so that `alembic upgrade head` does nothing. The recorded
    revision is left as it is. Exit code 6: something is missing.
    """
    settings = load_settings()
    setup_logging(settings.log_level, settings.log_format)
    logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)  # it tells of contexts, not of steps
    try:
        with database_alone(settings) as url:
            seen, problems = asyncio.run(_look(settings, url, apply=apply))
    except KeyboardInterrupt:
        say("Interrupted. Finished steps are kept; run again to go on.")
        raise typer.Exit(INTERRUPTED) from None
    if json:
        document = {"ok": not (seen.steps or problems), "problems": problems, "steps": list(seen.steps)}
        write_json({**document, "script": seen.script, "recorded": list(seen.recorded.revisions or ())})
    else:
        _print(seen, problems)
    if seen.steps or problems:
        raise typer.Exit(SchemaNotReady.exit_code)


async def _look(settings: Settings, url: str, *, apply: bool) -> tuple[Missing, list[str]]:
    """What is missing in the end, by the steps and by the needs: a step cannot mend everything."""
    protocol = LockProtocol(
        lock_timeout_ms=settings.migration_lock_timeout_ms,
        patience_seconds=settings.migration_patience_seconds,
        own_session=not settings.pgbouncer,
        sleep=pause,
    )
    seen: list[tuple[Missing, list[str]]] = []

    def work(connection: Connection) -> None:
        _require_tables(connection)
        if apply:
            COMPLETION.complete(connection, protocol)
        missing = COMPLETION.missing(connection)
        problems = [problem.about for problem in judge(NEEDS, Catalog(connection).found(NEEDS.tables))]
        seen.append((missing, problems))

    await migrate(url, work, patience_seconds=protocol.patience_seconds, pgbouncer=settings.pgbouncer)
    return seen[0]


def _require_tables(connection: Connection) -> None:
    found = Catalog(connection).found(NEEDS.tables)
    connection.rollback()
    if gone := [table for table in NEEDS.tables if table not in found.tables]:
        raise SchemaNotReady(
            f"This database has no table {' and no table '.join(gone)}; {found.recorded}.",
            "Check DATABASE_URL; a new database gets its tables by: alembic upgrade head.",
        )


def _print(seen: Missing, problems: list[str]) -> None:
    console = answer_console()
    for problem in problems:
        console.print(f"ERROR  {problem}")
    if seen.script:
        console.print(f"\n{seen.script}\n", soft_wrap=True)
    if problems:
        words = f"{counted(len(problems), 'thing')} {'is' if len(problems) == 1 else 'are'} missing or wrong"
    elif seen.steps:
        words = "Everything is there, but not as this edition of the migration makes it"
    else:
        words = "The schema is complete"
    console.print(f"{words}; {seen.recorded}. {_what_next(seen, problems)}".rstrip())


def _what_next(seen: Missing, problems: list[str]) -> str:
    if seen.steps:
        return "To add it as above: backfill schema --apply."
    if problems:
        return "No step of the migration mends that: do it by hand."
    return _about_the_record(seen.recorded)


def _about_the_record(recorded: Recorded) -> str:
    if recorded.is_empty:
        return f"To have it recorded: alembic stamp {REVISION}."
    if recorded.revisions == (BEFORE_REVISION,):
        return "To have it recorded, before the next release is rolled out: alembic upgrade head."
    return ""
