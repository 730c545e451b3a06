"""`op.require_backfill`: a revision that relies on a backfill asks the data, and not whether a run has succeeded.

It verifies as the end of a run does, in bounded statements that lock nothing. In a script (`--sql`) it is one statement
that raises, where the definition can say in SQL which rows are not right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from alembic.operations import MigrateOperation, Operations
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only

from backfill.alembic.directives.rendering import as_text, literally, written
from backfill.runs.errors import UsageError, VerificationFailed
from backfill.runs.wording import counted

if TYPE_CHECKING:  # they load much, which a chain without a gate does not need
    from backfill.definitions.definition import Definition
    from backfill.runs.findings import Finding
    from backfill.sql.transactions import Limits

PAGE_TIMEOUT_MS = 30_000
_Answer = TypeVar("_Answer")


class BackfillNotDone(VerificationFailed, CommandError):
    """Alembic's own command line says it as a sentence, too, where an env.py knows nothing of this library."""


@Operations.register_operation("require_backfill")
@dataclass(slots=True, kw_only=True, eq=False)
class RequireBackfillOp(MigrateOperation):
    name: str

    @classmethod
    def require_backfill(cls, operations: Operations, name: str) -> None:
        """Raises where one row is left that is not right. Definitions are found as everywhere: name their modules by
        `context.configure(definitions=[...])`, where no installed package brings them."""
        operations.invoke(cls(name=name))


@Operations.implementation_for(RequireBackfillOp)
def _require(operations: Operations, operation: RequireBackfillOp) -> None:
    context = operations.migration_context
    definition = _found(context, operation.name)
    if context.as_sql:
        _write_question(context, definition)
        return
    # What the revision has done before is committed: it would hold locks that the question waits for.
    with context.autocommit_block():
        errors = _run_to_end(_verify(context, definition))
    if errors:
        left = ", ".join(f"{finding.rule} ({finding.count:,})" for finding in errors)
        remedy = next((finding.remedy for finding in errors if finding.remedy), "")
        raise BackfillNotDone(
            f"{definition.name} is not done: {counted(len(errors), 'rule')} broken: {left}.",
            f"{remedy} Run: backfill finish {definition.name}; then this again.".strip(),
        )


def _found(context: MigrationContext, name: str) -> Definition:
    from backfill.definitions.discovery import discover  # noqa: PLC0415 - see above

    modules = context.opts.get("definitions") or ()
    found = discover(tuple(modules))
    if name not in found.definitions:
        reasons = "; ".join(str(one) for one in found.broken)
        known = ", ".join(found.definitions) or "none"
        raise UsageError(
            f"There is no backfill {name}; found: {known}. {reasons}".strip(),
            "Name its module in env.py: context.configure(definitions=load_settings().definitions).",
        )
    if found.definitions[name].parameters is not None:
        what = f"{name} takes parameters, and a revision cannot know with which ones it was run."
        raise UsageError(what, "Verify that run by itself: backfill verify.")
    return found.definitions[name]


def _write_question(context: MigrationContext, definition: Definition) -> None:
    if definition.wrong_rows is None:
        raise UsageError(
            f"{definition.name} cannot say in one statement which rows are not right, so no script can ask for them.",
            "Migrate online, or in the script's place run `backfill verify` before it, and stamp this revision.",
        )
    refusal = f"{definition.name} is not done: run backfill finish {definition.name}, then this again"
    context.impl.static_output(f"-- Reads until it finds a row that {definition.name} has not done.")
    context.execute(literally(written("require_backfill", wrong=definition.wrong_rows(), refusal=as_text(refusal))))


async def _verify(context: MigrationContext, definition: Definition) -> list[Finding]:
    """What is wrong with the data. Triggers and indexes of the schema may be gone already: a revision that drops them
    asks again when it is run again."""
    from backfill.engine.checking import check_everything  # noqa: PLC0415 - see above
    from backfill.engine.preflight import told_to_operator  # noqa: PLC0415

    engine, is_own = _engine(context, definition)
    try:
        with told_to_operator():
            backfill = definition.bound(engine, _limits())
            of_the_schema = {rule.slug for rule in backfill.rules if rule.on_schema}
            _, findings = await check_everything(backfill)
        return [one for one in findings if one.is_error and (one.hides_data or one.rule not in of_the_schema)]
    finally:
        if is_own:
            await engine.dispose()


def _limits() -> Limits:
    from backfill.sql.transactions import Limits  # noqa: PLC0415 - see above

    return Limits(
        lock_timeout_ms=PAGE_TIMEOUT_MS,
        statement_timeout_ms=PAGE_TIMEOUT_MS,
        scan_timeout_ms=PAGE_TIMEOUT_MS,
        idle_in_transaction_timeout_ms=PAGE_TIMEOUT_MS,
    )


def _engine(context: MigrationContext, definition: Definition) -> tuple[AsyncEngine, bool]:
    """Connections beside the migrating one, to the definition's database; whether they are to be closed here.

    A chain is for DATABASE_URL, unless its env.py says of which database it is: context.configure(database="billing").
    """
    from backfill.sql.database import is_ours, open_engine  # noqa: PLC0415 - see above

    if definition.database != context.opts.get("database", ""):
        return open_engine(_url_of(context, definition), application_name="backfill-migration", pool_size=2), True
    if context.connection is None:
        raise ValueError("a migration that runs has a connection")
    engine = context.connection.engine
    if is_ours(engine):
        return AsyncEngine(engine), False
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return open_engine(url, application_name="backfill-migration", pool_size=2), True


def _url_of(context: MigrationContext, definition: Definition) -> str:
    urls = context.opts.get("databases") or {}
    if definition.database not in urls:
        database = definition.database or "DATABASE_URL"
        what = f"{definition.name} is for the database {database}, which env.py does not name."
        raise UsageError(what, "Name it there: context.configure(databases=load_settings().database_urls).")
    return str(urls[definition.database])


def _run_to_end(work: Coroutine[Any, Any, _Answer]) -> _Answer:
    """Migrations are synchronous: within a loop's greenlet, as with an async engine, or with no loop at all."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    return await_only(work)
