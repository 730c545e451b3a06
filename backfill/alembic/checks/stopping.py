"""Stops an operation of a revision that would lock a large table for long, before it is executed.

The real table decides: a small one is done in a moment, and on one without rows nothing can go wrong. What would write
a table anew is asked of the server, on an empty copy. In a script (`--sql`) there is no table to look at: there the
sentence is a comment before the statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from alembic.operations import MigrateOperation, Operations, ops, toimpl
from alembic.operations.base import BatchOperations
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ClauseElement

from backfill.alembic.checks.dangers import Danger
from backfill.alembic.checks.operations import dangers_of
from backfill.alembic.checks.statements import dangers_in
from backfill.alembic.directives.looking import Looking
from backfill.alembic.directives.rendering import DIALECT
from backfill.runs.errors import UsageError

SMALL_BYTES = 8 * 1024 * 1024
_ASSURED = "online_assured"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineChecks:
    """Given to `context.configure(online_checks=...)`; False there switches the checks off.

    A table of less than `small_bytes` (without indexes) is read or written anew in a fraction of a second.
    """

    small_bytes: int = SMALL_BYTES


class WouldLockForLong(UsageError, CommandError):
    """Alembic's own command line says it as a sentence, too, where an env.py knows nothing of this library."""

    slug: ClassVar[str] = "would-lock-for-long"


@Operations.register_operation("safely_assured")
@BatchOperations.register_operation("safely_assured")
class SafelyAssured(MigrateOperation):
    """`with op.safely_assured("nobody uses it yet"):` lets through what stands in the block."""

    @classmethod
    def safely_assured(cls, operations: Operations, why: str) -> Any:
        if not why.strip():
            raise UsageError("op.safely_assured wants a reason.", 'Say it: op.safely_assured("nobody uses it yet").')
        return _assured(operations.migration_context)


@contextmanager
def _assured(context: MigrationContext) -> Iterator[None]:
    before = context.opts.get(_ASSURED, False)
    context.opts[_ASSURED] = True
    try:
        yield
    finally:
        context.opts[_ASSURED] = before


def check(operations: Operations, operation: MigrateOperation) -> None:
    """Raises WouldLockForLong."""
    context = operations.migration_context
    checks = context.opts.get("online_checks") or OnlineChecks()
    switched_off = context.opts.get("online_checks") is False
    if switched_off or context.opts.get(_ASSURED) or context.dialect.name != "postgresql":
        return
    looking = None if context.as_sql or context.connection is None else Looking(context.connection)
    for danger in _dangers(operation):
        about = f"{_named(operation)} on {danger.relation}"
        if looking is None:
            context.impl.static_output(f"-- CAUTION: {about} {danger.what}, if the table is large.")
            context.impl.static_output(f"-- Instead: {danger.instead}.\n")
        elif (size := _size_of_trouble(looking, danger, checks)) is not None:
            raise WouldLockForLong(
                f"{about} {danger.what}; {danger.relation} has {size}.",
                f'Instead: {danger.instead}. Or say why it does no harm: with op.safely_assured("..."):',
            )


def _dangers(operation: MigrateOperation) -> Iterator[Danger]:
    if not isinstance(operation, ops.ExecuteSQLOp):
        yield from dangers_of(operation)
        return
    sql: Any = operation.sqltext
    yield from dangers_in(str(sql.compile(dialect=DIALECT)) if isinstance(sql, ClauseElement) else str(sql))


def _named(operation: MigrateOperation) -> str:
    words = type(operation).__name__.removesuffix("Op")
    if words == "ExecuteSQL":
        return "op.execute"
    return "op." + "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in words).lstrip("_")


def _size_of_trouble(looking: Looking, danger: Danger, checks: OnlineChecks) -> str | None:
    """None: it is none, for this table."""
    table = looking.table(danger.relation)
    if table is None:
        return None
    if danger.breaks:
        return "rows" if looking.has_rows(danger.relation) else None
    if table.bytes < checks.small_bytes or _is_checked(looking, danger) or not _rewrites(looking, danger):
        return None
    return f"{table.bytes / 1024**2:,.0f} MiB"


def _is_checked(looking: Looking, danger: Danger) -> bool:
    if danger.unless_checked is None:
        return False
    column = looking.columns(danger.relation).get(danger.unless_checked)
    if column is not None and column.not_null:
        return True
    wanted = (danger.unless_checked,)
    return any(
        one.is_validated and one.columns == wanted and one.does.endswith("IS NOT NULL))")
        for one in looking.constraints(danger.relation, "c")
    )


def _rewrites(looking: Looking, danger: Danger) -> bool:
    """What the server does not even try on the copy, it will refuse on the table as well, in its own words."""
    if danger.if_rewritten is None:
        return True
    try:
        return looking.rewrites(danger.relation, danger.if_rewritten)
    except DBAPIError:
        return False


def _checked(kind: type[MigrateOperation], run: Callable[..., Any]) -> None:
    @Operations.implementation_for(kind, replace=True)
    def _run(operations: Operations, operation: MigrateOperation) -> Any:
        check(operations, operation)
        return run(operations, operation)


for _kind, _default in (
    (ops.CreateIndexOp, toimpl.create_index),
    (ops.DropIndexOp, toimpl.drop_index),
    (ops.AddColumnOp, toimpl.add_column),
    (ops.AlterColumnOp, toimpl.alter_column),
    (ops.DropColumnOp, toimpl.drop_column),
    (ops.AddConstraintOp, toimpl.create_constraint),
    (ops.RenameTableOp, toimpl.rename_table),
    (ops.ExecuteSQLOp, toimpl.execute_sql),
):
    _checked(_kind, _default)
