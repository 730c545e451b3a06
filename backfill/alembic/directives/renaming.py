"""`op.online_rename_column` and `op.online_finish_rename_column`: two columns for as long as two releases run.

A column that is renamed at once breaks every release that runs. So the new name is a second column, and whichever of
the two a release writes, a trigger writes both. When nobody names the old one any more, it is dropped.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from alembic.operations import MigrateOperation, Operations
from sqlalchemy.types import TypeEngine, UserDefinedType

from backfill.alembic.directives.looking import Column as FoundColumn
from backfill.alembic.directives.mirroring import Mirror, handing_over, mirror
from backfill.alembic.directives.rendering import Relation, quoted, written
from backfill.alembic.directives.steps import Steps, steps
from backfill.runs.errors import SchemaNotReady, UsageError
from backfill.runs.wording import counted

log = logging.getLogger(__name__)


@Operations.register_operation("online_rename_column")
@dataclass(slots=True, kw_only=True, eq=False)
class OnlineRenameColumnOp(MigrateOperation):
    table: str
    old: str
    new: str
    schema: str | None = None
    existing_type: TypeEngine[Any] | None = None
    existing_nullable: bool = True

    @classmethod
    def online_rename_column(
        cls,
        operations: Operations,
        table_name: str,
        old_name: str,
        new_name: str,
        *,
        schema: str | None = None,
        existing_type: TypeEngine[Any] | None = None,
        existing_nullable: bool = True,
    ) -> None:
        """`existing_...` are for scripts (`--sql`), where the database cannot be asked."""
        operation = cls(
            table=table_name,
            old=old_name,
            new=new_name,
            schema=schema,
            existing_type=existing_type,
            existing_nullable=existing_nullable,
        )
        operations.invoke(operation)

    def reverse(self) -> OnlineFinishRenameColumnOp:
        return OnlineFinishRenameColumnOp(table=self.table, old=self.new, new=self.old, schema=self.schema)


@Operations.register_operation("online_finish_rename_column")
@dataclass(slots=True, kw_only=True, eq=False)
class OnlineFinishRenameColumnOp(MigrateOperation):
    table: str
    old: str
    new: str
    schema: str | None = None
    existing_server_default: str | None = None

    @classmethod
    def online_finish_rename_column(
        cls,
        operations: Operations,
        table_name: str,
        old_name: str,
        new_name: str,
        *,
        schema: str | None = None,
        existing_server_default: str | None = None,
    ) -> None:
        """When no release that runs names the old column. With the two names exchanged it takes the renaming back.

        The default goes over to the new column; `existing_server_default` is it for scripts (`--sql`)."""
        operation = cls(
            table=table_name,
            old=old_name,
            new=new_name,
            schema=schema,
            existing_server_default=existing_server_default,
        )
        operations.invoke(operation)

    def reverse(self) -> OnlineRenameColumnOp:
        return OnlineRenameColumnOp(table=self.table, old=self.new, new=self.old, schema=self.schema)


class Spelled(UserDefinedType[Any]):
    """A type as PostgreSQL has spelled it."""

    cache_ok = True

    def __init__(self, words: str) -> None:
        self.words = words

    def get_col_spec(self, **_: Any) -> str:
        return self.words


@Operations.implementation_for(OnlineRenameColumnOp)
def _rename(operations: Operations, operation: OnlineRenameColumnOp) -> None:
    with steps(operations) as online:
        relation = online.existing(operation.table, operation.schema)
        if online.looking is None:
            if operation.existing_type is None:
                raise UsageError(
                    f"A script that renames {relation}.{operation.old} needs the type of the column.",
                    "Give it: existing_type=..., and existing_nullable=False where it is NOT NULL.",
                )
            type_, not_null = operation.existing_type, not operation.existing_nullable
        else:
            here = _found(online, relation, operation)
            type_, not_null = Spelled(here.type), here.not_null
            _say_what_is_not_copied(online, relation, operation)
        mirror(online, _mirror(relation, operation), type_, not_null=not_null)


def _found(online: Steps, relation: Relation, operation: OnlineRenameColumnOp) -> FoundColumn:
    columns = {} if online.looking is None else online.looking.columns(relation)
    if operation.old not in columns:
        raise SchemaNotReady(f"{relation} has no column {operation.old}.", "Check the revision, and DATABASE_URL.")
    if columns[operation.old].is_made:
        what = f"{relation}.{operation.old} is an identity or is generated, and cannot be written by a trigger."
        raise UsageError(what, "Rename it when nobody uses it: op.alter_column, within op.safely_assured(...).")
    return columns[operation.old]


def _say_what_is_not_copied(online: Steps, relation: Relation, operation: OnlineRenameColumnOp) -> None:
    hanging = () if online.looking is None else online.looking.dependents(relation, operation.old)
    ours = _mirror(relation, operation).name
    told = [one.about for one in hanging if ours not in one.about]
    if told:
        things = f"{counted(len(told), 'thing')} on {operation.old} {'is' if len(told) == 1 else 'are'}"
        log.info("%s not made for %s: %s", things, operation.new, "; ".join(told))


def _mirror(relation: Relation, operation: OnlineRenameColumnOp | OnlineFinishRenameColumnOp) -> Mirror:
    return Mirror(
        relation=relation,
        source=operation.old,
        target=operation.new,
        expression=quoted(operation.old),
        both_ways=True,
    )


@Operations.implementation_for(OnlineFinishRenameColumnOp)
def _finish(operations: Operations, operation: OnlineFinishRenameColumnOp) -> None:
    """Trigger and column go in one transaction: the trigger would fail without the column."""
    with steps(operations) as online:
        relation = online.existing(operation.table, operation.schema)
        ours = _mirror(relation, operation)
        if online.looking is not None:
            columns = online.looking.columns(relation)
            if operation.new not in columns:
                raise SchemaNotReady(
                    f"{relation} has no column {operation.new}, so {operation.old} stays.",
                    "Run the revision with op.online_rename_column first.",
                )
            if operation.old in columns and not ours.is_there(online.looking):
                raise SchemaNotReady(
                    f"Nothing mirrors {operation.old} of {relation} in {operation.new}, so {operation.old} stays.",
                    "Run op.online_rename_column again, which fills in what is missing.",
                )
            default = columns[operation.old].default if operation.old in columns else None
            handed = handing_over(online, relation, (operation.old, operation.new), default)
        else:
            handed = handing_over(online, relation, (operation.old, operation.new), operation.existing_server_default)
        online.under_lock(
            f"dropping {operation.old} of {relation}",
            ours.dropping_trigger(),
            *handed,
            written("drop_column", table=relation.quoted, column=quoted(operation.old)),
            done=lambda looking: operation.old not in looking.columns(relation),
        )
        ours.drop_function(online)
