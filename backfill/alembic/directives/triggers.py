"""`op.create_sync_trigger` and `op.drop_sync_trigger`: what `backfill.definitions.sync_trigger` makes, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from alembic.operations import MigrateOperation, Operations
from sqlalchemy import TextClause

from backfill.alembic.directives.rendering import written
from backfill.alembic.directives.steps import steps
from backfill.runs.errors import UsageError


class SyncTriggers(Protocol):
    """Statements that can each be executed again without harm."""

    @property
    def create(self) -> Sequence[TextClause]: ...

    @property
    def drop(self) -> Sequence[TextClause]: ...


@Operations.register_operation("create_sync_trigger")
@Operations.register_operation("drop_sync_trigger")
@dataclass(slots=True, kw_only=True, eq=False)
class SyncTriggerOp(MigrateOperation):
    statements: Sequence[TextClause]
    title: str

    @classmethod
    def create_sync_trigger(cls, operations: Operations, definition: Any) -> None:
        """Of a definition, or of what `sync_trigger` has made of it. It waits for all who write to the table now."""
        made = made_of(definition)
        operations.invoke(cls(statements=made.create, title="creating sync triggers"))

    @classmethod
    def drop_sync_trigger(cls, operations: Operations, definition: Any) -> None:
        """When the release that runs writes the columns by itself; or on the way back."""
        operations.invoke(cls(statements=made_of(definition).drop, title="dropping sync triggers"))


def made_of(definition: Any) -> SyncTriggers:
    if hasattr(definition, "create") and hasattr(definition, "drop"):
        made: SyncTriggers = definition
        return made
    from backfill.definitions import sync_trigger  # noqa: PLC0415 - loads much, and few revisions have one

    by_itself = getattr(definition, "sync_trigger", None)
    return by_itself() if callable(by_itself) else sync_trigger(definition)


@Operations.implementation_for(SyncTriggerOp)
def _run(operations: Operations, operation: SyncTriggerOp) -> None:
    """Each statement looks by itself whether there is anything to do."""
    with steps(operations) as online:
        for statement in operation.statements:
            online.ddl.under_lock(operation.title, statement, done=lambda _: False)


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
            done=lambda looking: not looking.has_trigger_function(function),
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
