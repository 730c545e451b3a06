"""`backfill schema`: what the schema lacks, and adding it where `alembic upgrade head` does not."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Annotated

import typer
from sqlalchemy import Connection

from backfill.alembic.completing import Completion, Missing
from backfill.alembic.migrating import migrate, pause
from backfill.alembic.online_ddl import LockProtocol
from backfill.cli.options import Json, NameOrOnly
from backfill.cli.output import answer_console, say, write_json
from backfill.cli.steering import INTERRUPTED
from backfill.logging import setup_logging
from backfill.opening import database_alone
from backfill.runs.errors import SchemaNotReady, UsageError
from backfill.runs.wording import counted
from backfill.settings import Settings, load_settings
from backfill.sql.catalog import Catalog
from backfill.sql.found import Recorded
from backfill.sql.judging import judge
from backfill.sql.needs import Needs, Revision
from backfill.wiring import one_definition

Apply = Annotated[bool, typer.Option("--apply", help="Add it, with the short locks and the patience of the migration.")]


def schema(name: NameOrOnly = None, apply: Apply = False, json: Json = False) -> None:
    """Say what of the schema is missing, and the SQL that adds it; with --apply, add it.

    For a database that another revision has brought here, so that `alembic upgrade head` does nothing. The recorded
    revision is left as it is. Exit code 6: something is missing.
    """
    settings = load_settings()
    setup_logging(settings.log_level, settings.log_format)
    logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)  # it tells of contexts, not of steps
    work = _Work(needs=_needs(settings, name), apply=apply)
    try:
        with database_alone(settings) as url:
            seen, problems = asyncio.run(_look(settings, url, work))
    except KeyboardInterrupt:
        say("Interrupted. Finished steps are kept; run again to go on.")
        raise typer.Exit(INTERRUPTED) from None
    if json:
        document = {"ok": not (seen.steps or problems), "problems": problems, "steps": list(seen.steps)}
        write_json({**document, "script": seen.script, "recorded": list(seen.recorded.revisions or ())})
    else:
        _print(seen, problems, work.revision)
    if seen.steps or problems:
        raise typer.Exit(SchemaNotReady.exit_code)


def _needs(settings: Settings, name: str | None) -> Needs:
    """Raises UnknownBackfill, UsageError."""
    definition = one_definition(settings, name)
    if definition.needs.revision is None:
        what = f"{definition.name} names no revision of Alembic that brings its schema."
        raise UsageError(what, "Its author can: Needs(revision=...).")
    return definition.needs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    needs: Needs
    apply: bool

    @property
    def revision(self) -> Revision:
        if self.needs.revision is None:
            raise ValueError("needs without a revision")
        return self.needs.revision

    def run(self, connection: Connection, protocol: LockProtocol) -> tuple[Missing, list[str]]:
        """What is missing in the end, by the steps and by the needs: a step cannot mend everything."""
        self._require_tables(connection)
        completion = Completion(self.revision.id)
        if self.apply:
            completion.complete(connection, protocol)
        missing = completion.missing(connection)
        problems = judge(self.needs, Catalog(connection).found(self.needs.tables))
        return missing, [problem.about for problem in problems]

    def _require_tables(self, connection: Connection) -> None:
        found = Catalog(connection).found(self.needs.tables)
        connection.rollback()
        if gone := [table for table in self.needs.tables if table not in found.tables]:
            raise SchemaNotReady(
                f"This database has no table {' and no table '.join(table.name for table in gone)}; {found.recorded}.",
                "Check DATABASE_URL; a new database gets its tables by: alembic upgrade head.",
            )


async def _look(settings: Settings, url: str, work: _Work) -> tuple[Missing, list[str]]:
    protocol = LockProtocol(
        lock_timeout_ms=settings.migration_lock_timeout_ms,
        patience_seconds=settings.migration_patience_seconds,
        own_session=not settings.pgbouncer,
        sleep=pause,
    )
    seen: list[tuple[Missing, list[str]]] = []

    def run(connection: Connection) -> None:
        seen.append(work.run(connection, protocol))

    await migrate(url, run, patience_seconds=protocol.patience_seconds, pgbouncer=settings.pgbouncer)
    return seen[0]


def _print(seen: Missing, problems: list[str], revision: Revision) -> None:
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
    console.print(f"{words}; {seen.recorded}. {_what_next(seen, problems, revision)}".rstrip())


def _what_next(seen: Missing, problems: list[str], revision: Revision) -> str:
    if seen.steps:
        return "To add it as above: backfill schema --apply."
    if problems:
        return "No step of the migration mends that: do it by hand."
    return _about_the_record(seen.recorded, revision)


def _about_the_record(recorded: Recorded, revision: Revision) -> str:
    if recorded.is_empty:
        return f"To have it recorded: alembic stamp {revision.id}."
    if recorded.revisions == (revision.before,):
        return "To have it recorded, before the next release is rolled out: alembic upgrade head."
    return ""
