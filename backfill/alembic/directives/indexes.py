"""`op.online_create_index` and `op.online_drop_index`: CONCURRENTLY, and what an interrupted one left is replaced."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from alembic.operations import MigrateOperation, Operations
from sqlalchemy import Index, TextClause
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.elements import ColumnElement

from backfill.alembic.directives.looking import COPY, Looking
from backfill.alembic.directives.looking import Index as FoundIndex
from backfill.alembic.directives.rendering import Relation, as_text, literally, rendered, written
from backfill.alembic.directives.steps import Steps, steps
from backfill.alembic.online_ddl import sqlstate_of
from backfill.runs.errors import SchemaNotReady

log = logging.getLogger(__name__)

UNIQUE_VIOLATION = "23505"
IndexColumns = Sequence[str | TextClause | ColumnElement[Any]]


@Operations.register_operation("online_create_index")
@Operations.register_operation("online_drop_index")
@dataclass(slots=True, kw_only=True, eq=False)
class OnlineIndexOp(MigrateOperation):
    """`columns` None: nothing is known but the name, as when it is dropped."""

    name: str
    table: str
    columns: IndexColumns | None
    schema: str | None = None
    unique: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    drops: bool = False

    @classmethod
    def online_create_index(
        cls,
        operations: Operations,
        index_name: str,
        table_name: str,
        columns: IndexColumns,
        *,
        schema: str | None = None,
        unique: bool = False,
        **options: Any,
    ) -> None:
        """`options` as for Index: postgresql_using, postgresql_where, postgresql_include, postgresql_ops, ..."""
        operation = cls(
            name=index_name, table=table_name, columns=columns, schema=schema, unique=unique, options=options
        )
        operations.invoke(operation)

    @classmethod
    def online_drop_index(
        cls, operations: Operations, index_name: str, table_name: str, *, schema: str | None = None
    ) -> None:
        operations.invoke(cls(name=index_name, table=table_name, columns=None, schema=schema, drops=True))

    def reverse(self) -> OnlineIndexOp:
        if self.columns is None:
            raise NotImplementedError(f"what index {self.name} is on is not known")
        return OnlineIndexOp(
            name=self.name,
            table=self.table,
            columns=self.columns,
            schema=self.schema,
            unique=self.unique,
            options=self.options,
            drops=not self.drops,
        )


@Operations.implementation_for(OnlineIndexOp)
def _run(operations: Operations, operation: OnlineIndexOp) -> None:
    with steps(operations) as online:
        if operation.drops or operation.columns is None:
            drop_index(online, online.relation(operation.table, operation.schema), operation.name)
        else:
            build_index(online, operation)


def drop_index(online: Steps, relation: Relation, name: str) -> None:
    if online.looking is not None and all(index.name != name for index in online.looking.indexes(relation)):
        return
    online.ddl.concurrently(f"dropping index {name}", lambda: online.ddl.execute(literally(_dropping(relation, name))))


def build_index(online: Steps, wanted: OnlineIndexOp) -> None:
    """One that does the same under another name serves as well. Raises SchemaNotReady where the name means another."""
    relation = online.existing(wanted.table, wanted.schema)
    if online.looking is None:
        index = relation.beside(wanted.name)
        online.ddl.execute(
            literally(written("drop_invalid_index", index=index.quoted, index_text=as_text(index.quoted)))
        )
    elif _is_served(online, online.looking, relation, wanted):
        return
    build(online, relation, wanted.name, _creating(online, wanted, relation, concurrently=True))


def build(online: Steps, relation: Relation, name: str, creating: str) -> None:
    """By a statement that is CONCURRENTLY, with nothing of that name there but what an earlier one left invalid."""
    try:
        online.ddl.concurrently(f"building index {name}", lambda: _build(online, relation, name, creating))
    except DBAPIError as error:
        if sqlstate_of(error) == UNIQUE_VIOLATION:
            # Invalid as it is, it would go on refusing rows of the application.
            drop_index(online, relation, name)
        raise


def _is_served(online: Steps, looking: Looking, relation: Relation, wanted: OnlineIndexOp) -> bool:
    copy = _creating(online, wanted, COPY, concurrently=False)
    as_made = online.asked(lambda: looking.index_as_made(relation, copy))
    if as_made is None:
        return False
    here = looking.indexes(relation)
    if serving := next((index for index in here if index.serves_as(as_made)), None):
        if serving.name != wanted.name:
            log.info("index %s of %s serves as %s", serving.name, relation, wanted.name)
        return True
    _require_free(wanted.name, next((index for index in here if index.name == wanted.name), None), as_made)
    return False


def _require_free(name: str, named: FoundIndex | None, as_made: FoundIndex) -> None:
    if named is not None and named.is_valid and not named.is_like(as_made):
        raise SchemaNotReady(
            f"The name {name} is taken by another index: {named.does}.",
            f"It must be {'unique, ' if as_made.is_unique else ''}{as_made.does}: rename that one, then run again.",
        )


def _build(online: Steps, relation: Relation, name: str, creating: str) -> None:
    """Begun again as a whole after a deadlock, which leaves an invalid index as well."""
    looking = online.looking
    if looking is not None and any(index.name == name for index in looking.indexes(relation)):
        online.ddl.tell(f"dropping index {name}, which an interrupted build left invalid")
        online.ddl.execute(literally(_dropping(relation, name)))
    online.ddl.execute(literally(creating))
    if online.ddl.runs and looking is not None and not _is_there(looking, relation, name):
        raise SchemaNotReady(
            f"The name {name} is taken by something else than an index of {relation}.",
            "Rename that, then run again.",
        )


def _is_there(looking: Looking, relation: Relation, name: str) -> bool:
    """IF NOT EXISTS passes over a name that is another table's, too."""
    return any(index.name == name and index.is_valid for index in looking.indexes(relation))


def _creating(online: Steps, wanted: OnlineIndexOp, relation: Relation, *, concurrently: bool) -> str:
    name = wanted.name if concurrently else "online_index"
    options = {**wanted.options, "unique": wanted.unique, "postgresql_concurrently": concurrently}
    index: Index = online.operations.schema_obj.index(
        name, relation.table, list(wanted.columns or ()), schema=relation.schema, **options
    )
    return rendered(CreateIndex(index, if_not_exists=concurrently))


def _dropping(relation: Relation, name: str) -> str:
    return written("drop_index", index=relation.beside(name).quoted)
