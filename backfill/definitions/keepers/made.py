"""The trigger that keeps rows right by the definition's own expressions, as SQL for a revision of Alembic."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from sqlalchemy import TextClause, text
from sqlalchemy.exc import CompileError

from backfill.definitions.keepers.keeper import BY_TRIGGER, Keeper, Kept, kept_by_own
from backfill.definitions.keepers.related import related
from backfill.definitions.keepers.writing import (
    DEFINERS_RIGHTS,
    OWN_RIGHTS,
    Function,
    Trigger,
    assignments,
    function,
    identifier,
    named,
    quoted,
    trial,
)
from backfill.definitions.mistakes import AuthorsMistake

if TYPE_CHECKING:
    from backfill.definitions.columns.declaration import Declaration

# `text` takes these for parameters.
_PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What `sync_trigger` returns. For a revision of Alembic, after the columns are there:

        from backfill.alembic import op

        def upgrade():
            op.create_sync_trigger(EmailNormalized)

        def downgrade():
            op.drop_sync_trigger(EmailNormalized)

    Every statement can be executed again without harm, on PostgreSQL 13 too. CREATE TRIGGER waits for open writers of
    the table, and whoever comes later waits behind it: with a short `lock_timeout`, in an `autocommit_block`, and
    tried again, as the directives do it, it is never in the way for long. For a script of `alembic upgrade --sql`
    env.py has to have `dialect_opts={"paramstyle": "named"}`, as Alembic's own template has, or each `%` is doubled.
    """

    trial: str
    functions: tuple[Function, ...]
    triggers: tuple[Trigger, ...]

    @property
    def create(self) -> tuple[TextClause, ...]:
        functions, triggers = (one.create for one in self.functions), (one.create for one in self.triggers)
        return tuple(map(_statement, (self.trial, *functions, *triggers)))

    @property
    def drop(self) -> tuple[TextClause, ...]:
        return tuple(_statement(one.drop) for one in self.functions)


class HasDeclaration(Protocol):
    @classmethod
    def declaration(cls) -> Declaration: ...


@runtime_checkable
class MakesTrigger(Protocol):
    """A definition that is no class of columns."""

    def sync_trigger(self) -> Made: ...


def sync_trigger(definition: type[HasDeclaration] | MakesTrigger) -> Made:
    """The trigger of this definition. Raises AuthorsMistake where none follows from its expressions."""
    if isinstance(definition, MakesTrigger):
        return definition.sync_trigger()
    return _made(definition.declaration())


def kept_by(declaration: Declaration) -> Kept:
    """What has to be there of whoever keeps rows right. Raises AuthorsMistake."""
    keeper: Keeper = declaration.keeper
    if isinstance(keeper, tuple):
        return kept_by_own(keeper, f"{declaration.spoken}.kept_by")
    if keeper != BY_TRIGGER:
        return Kept()
    made = _made(declaration)
    remedy = f"Run the revision that executes sync_trigger({declaration.spoken}).create."
    return Kept(
        needs=tuple(trigger.need(remedy) for trigger in made.triggers),
        functions=tuple(one.name for one in made.functions),
        reads_tables=not declaration.is_row_local,
    )


@lru_cache(maxsize=64)
def _made(declaration: Declaration) -> Made:
    try:
        return _by_row(declaration, related(declaration))
    except CompileError as error:
        raise AuthorsMistake(f"{declaration.spoken}.sets", f"it cannot be written into a trigger: {error}") from None


def _by_row(declaration: Declaration, others: tuple[Sequence[Function], Sequence[Trigger]]) -> Made:
    """The trigger on the table itself, and those on others."""
    search_path, security = OWN_RIGHTS if declaration.is_row_local else DEFINERS_RIGHTS
    settings = [(one.column, one.expression) for one in declaration.settings]
    name = identifier(declaration.name.replace("-", "_"), "sync")
    fields = {"security": security, "assignments": assignments(settings, declaration.where)}
    own = function(declaration.name, declaration.table, name, "row_function", **fields)
    tried: list[Any] = [expression for _, expression in settings]
    if declaration.where is not None:
        tried.append(declaration.where)
    trigger = Trigger(name=name, table=declaration.table, event=_event(declaration), function=own)
    return Made(
        trial=trial(declaration.table, tried, search_path),
        functions=(own, *others[0]),
        triggers=(trigger, *others[1]),
    )


def _event(declaration: Declaration) -> str:
    read = [quoted(column.name) for column in declaration.inputs if column.table is declaration.table]
    updates = f" OR UPDATE OF {', '.join(read)}" if read else ""
    return f"BEFORE INSERT{updates} ON {named(declaration.table)} FOR EACH ROW"


def _statement(sql: str) -> TextClause:
    return text(_PARAMETER.sub(r"\\:", sql))
