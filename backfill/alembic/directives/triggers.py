"""`op.create_sync_trigger` and `op.drop_sync_trigger`: what `backfill.definitions.sync_trigger` makes, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from alembic.operations import MigrateOperation, Operations
from sqlalchemy import TextClause

from backfill.alembic.directives.steps import steps


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
