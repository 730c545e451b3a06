"""`op.create_sync_trigger` and `op.drop_sync_trigger`: what `backfill.definitions.sync_trigger` makes, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from alembic.operations import MigrateOperation, Operations
from sqlalchemy import Table, TextClause

from backfill.alembic.directives.looking import Looking
from backfill.alembic.directives.rendering import Relation, written
from backfill.alembic.directives.steps import steps
from backfill.runs.errors import UsageError
from backfill.sql.tables import PUBLIC


class SyncFunction(Protocol):
    """`mark` is in its body: another one is of another version."""

    @property
    def schema(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def mark(self) -> str: ...


class SyncTrigger(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def table(self) -> Table: ...


class SyncTriggers(Protocol):
    """Statements that can each be executed again without harm, and what is there when they have been."""

    @property
    def create(self) -> Sequence[TextClause]: ...

    @property
    def drop(self) -> Sequence[TextClause]: ...

    @property
    def functions(self) -> Sequence[SyncFunction]: ...

    @property
    def triggers(self) -> Sequence[SyncTrigger]: ...


@Operations.register_operation("create_sync_trigger")
@Operations.register_operation("drop_sync_trigger")
@dataclass(slots=True, kw_only=True, eq=False)
class SyncTriggerOp(MigrateOperation):
    made: SyncTriggers
    drops: bool = False

    @classmethod
    def create_sync_trigger(cls, operations: Operations, definition: Any) -> None:
        """Of a definition, or of what `sync_trigger` has made of it. It waits for all who write to the table now."""
        operations.invoke(cls(made=made_of(definition)))

    @classmethod
    def drop_sync_trigger(cls, operations: Operations, definition: Any) -> None:
        """When the release that runs writes the columns by itself; or on the way back."""
        operations.invoke(cls(made=made_of(definition), drops=True))

    def reverse(self) -> SyncTriggerOp:
        return SyncTriggerOp(made=self.made, drops=not self.drops)


def made_of(definition: Any) -> SyncTriggers:
    if hasattr(definition, "create") and hasattr(definition, "drop"):
        made: SyncTriggers = definition
        return made
    from backfill.definitions import sync_trigger  # noqa: PLC0415 - loads much, and few revisions have one

    by_itself = getattr(definition, "sync_trigger", None)
    return by_itself() if callable(by_itself) else sync_trigger(definition)


@Operations.implementation_for(SyncTriggerOp)
def _run(operations: Operations, operation: SyncTriggerOp) -> None:
    """Each statement looks again whether there is anything to do."""
    made = operation.made
    done = partial(_are_gone if operation.drops else _are_there, made)
    names = ", ".join(one.name for one in made.triggers)
    with steps(operations) as online:
        if online.looking is not None and done(online.looking):
            return
        online.ddl.tell(f"{'dropping' if operation.drops else 'creating'} {names}")
        for statement in made.drop if operation.drops else made.create:
            online.ddl.patiently(names, statement)


def _are_there(made: SyncTriggers, looking: Looking) -> bool:
    functions = all(
        one.mark in (looking.function_body(Relation(table=one.name, schema=one.schema)) or "") for one in made.functions
    )
    return functions and all(
        any(found.name == one.name and found.is_enabled for found in looking.triggers(_table(one)))
        for one in made.triggers
    )


def _are_gone(made: SyncTriggers, looking: Looking) -> bool:
    return not any(looking.function_body(Relation(table=one.name, schema=one.schema)) for one in made.functions)


def _table(trigger: SyncTrigger) -> Relation:
    return Relation(table=trigger.table.name, schema=trigger.table.schema or PUBLIC)


@Operations.register_operation("online_drop_trigger_function")
@dataclass(slots=True, kw_only=True, eq=False)
class OnlineDropTriggerFunctionOp(MigrateOperation):
    name: str
    schema: str | None = None

    @classmethod
    def online_drop_trigger_function(
        cls, operations: Operations, function_name: str, *, schema: str | None = None
    ) -> None:
        """A function without arguments, and the triggers that call it."""
        operations.invoke(cls(name=function_name, schema=schema))


@Operations.implementation_for(OnlineDropTriggerFunctionOp)
def _drop_function(operations: Operations, operation: OnlineDropTriggerFunctionOp) -> None:
    with steps(operations) as online:
        function = online.relation(operation.name, operation.schema)
        online.under_lock(
            f"dropping function {operation.name} and its triggers",
            written("drop_trigger_function", function=function.quoted),
            done=lambda looking: looking.function_body(function) is None,
        )


@Operations.register_operation("redo_revision")
@dataclass(slots=True, kw_only=True, eq=False)
class RedoRevisionOp(MigrateOperation):
    revision: str

    @classmethod
    def redo_revision(cls, operations: Operations, revision: str) -> None:
        """Runs the steps of an earlier revision again, which must pass over what is there. For a way back."""
        operations.invoke(cls(revision=revision))


@Operations.implementation_for(RedoRevisionOp)
def _redo(operations: Operations, operation: RedoRevisionOp) -> None:
    environment = operations.migration_context.environment_context
    if environment is None:
        raise UsageError("There is no chain here to take a revision from.", "Run it by the command alembic.")
    script = environment.script.get_revision(operation.revision)
    if script is None:
        raise UsageError(f"There is no revision {operation.revision} in the chain.", "See alembic history.")
    script.module.upgrade()
