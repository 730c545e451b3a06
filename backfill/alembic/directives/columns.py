"""`op.online_add_column`, `online_drop_column`, `online_set_not_null` and `online_drop_not_null`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alembic.ddl.base import AddColumn
from alembic.operations import MigrateOperation, Operations
from sqlalchemy import Column, text
from sqlalchemy.schema import Computed, Identity

from backfill.alembic.directives.constraints import OnlineAddCheckOp, add_check
from backfill.alembic.directives.looking import COPY, Looking
from backfill.alembic.directives.rendering import DIALECT, Relation, made_up_name, quoted, rendered, written
from backfill.alembic.directives.steps import Steps, steps
from backfill.alembic.volatility import surely_the_same_for_all
from backfill.runs.errors import SchemaNotReady, UsageError


@Operations.register_operation("online_add_column")
@dataclass(slots=True, kw_only=True, eq=False)
class OnlineAddColumnOp(MigrateOperation):
    table: str
    column: Column[Any]
    schema: str | None = None

    @classmethod
    def online_add_column(
        cls, operations: Operations, table_name: str, column: Column[Any], *, schema: str | None = None
    ) -> None:
        """Type, server_default and nullable of the column; constraints and indexes have directives of their own."""
        operations.invoke(cls(table=table_name, column=column, schema=schema))

    def reverse(self) -> OnlineDropColumnOp:
        return OnlineDropColumnOp(table=self.table, name=self.column.name, schema=self.schema)


@Operations.register_operation("online_drop_column")
@dataclass(slots=True, kw_only=True, eq=False)
class OnlineDropColumnOp(MigrateOperation):
    table: str
    name: str
    schema: str | None = None

    @classmethod
    def online_drop_column(
        cls, operations: Operations, table_name: str, column_name: str, *, schema: str | None = None
    ) -> None:
        """When no release that runs names the column any more, in a model either: an ORM reads each of its columns."""
        operations.invoke(cls(table=table_name, name=column_name, schema=schema))


@Operations.register_operation("online_set_not_null")
@dataclass(slots=True, kw_only=True, eq=False)
class OnlineSetNotNullOp(MigrateOperation):
    table: str
    name: str
    schema: str | None = None

    @classmethod
    def online_set_not_null(
        cls, operations: Operations, table_name: str, column_name: str, *, schema: str | None = None
    ) -> None:
        operations.invoke(cls(table=table_name, name=column_name, schema=schema))

    def reverse(self) -> OnlineDropNotNullOp:
        return OnlineDropNotNullOp(table=self.table, name=self.name, schema=self.schema)


@Operations.register_operation("online_drop_not_null")
@dataclass(slots=True, kw_only=True, eq=False)
class OnlineDropNotNullOp(MigrateOperation):
    table: str
    name: str
    schema: str | None = None

    @classmethod
    def online_drop_not_null(
        cls, operations: Operations, table_name: str, column_name: str, *, schema: str | None = None
    ) -> None:
        operations.invoke(cls(table=table_name, name=column_name, schema=schema))

    def reverse(self) -> OnlineSetNotNullOp:
        return OnlineSetNotNullOp(table=self.table, name=self.name, schema=self.schema)


@Operations.implementation_for(OnlineAddColumnOp)
def _add_column(operations: Operations, operation: OnlineAddColumnOp) -> None:
    column = operation.column
    _require_plain(operation.table, column)
    with steps(operations) as online:
        relation = online.existing(operation.table, operation.schema)
        in_steps = _needs_steps(online, relation, column)
        was_there = add_bare_column(online, relation, _bare(column) if in_steps else column)
        if in_steps:
            _give_values(online, relation, column)
        if not column.nullable and (in_steps or was_there):
            set_not_null(online, relation, column.name)


def _require_plain(table: str, column: Column[Any]) -> None:
    more: list[str] = []
    if isinstance(column.server_default, Computed | Identity) or column.identity or column.computed:
        raise UsageError(
            f"{table}.{column.name} is generated: PostgreSQL writes the whole table anew for it, under a lock.",
            "Add a plain column, fill it in by a backfill, and make it generated or an identity afterwards.",
        )
    more += ["online_add_foreign_key"] if column.foreign_keys else []
    more += ["online_add_unique"] if column.unique or column.primary_key else []
    more += ["online_create_index"] if column.index else []
    more += ["online_add_check"] if column.constraints else []
    if more:
        also = " and ".join(f"op.{one}" for one in more)
        raise UsageError(
            f"{table}.{column.name} comes with more than a column.", f"Add it bare, and the rest by {also}."
        )
    if not column.nullable and column.server_default is None:
        raise UsageError(
            f"{table}.{column.name} is NOT NULL and has no default: rows that are there could not have it.",
            "Add it nullable, fill it in by a backfill, then op.online_set_not_null; or give it a server_default.",
        )


def _needs_steps(online: Steps, relation: Relation, column: Column[Any]) -> bool:
    """A default that may differ from row to row would have every row written, under the lock."""
    if column.server_default is None:
        return False
    if online.looking is None:
        return not surely_the_same_for_all(default_of(column))
    return online.looking.rewrites(relation, adding_to_copy(column))


def default_of(column: Column[Any]) -> str:
    """As the server gets it."""
    compiler = DIALECT.ddl_compiler(DIALECT, None)  # type: ignore[arg-type]  # nothing is compiled but the default
    return str(compiler.get_column_default_string(column))


def add_bare_column(online: Steps, relation: Relation, column: Column[Any]) -> bool:
    """Whether it was there already. Raises SchemaNotReady where that one is of another type."""
    here = online.looking.columns(relation).get(column.name) if online.looking is not None else None
    if here is not None:
        _require_alike(online, relation, column, here.type)
        return True
    online.under_lock(f"adding {column.name} to {relation}", _adding(relation, column), done=lambda _: False)
    return False


def adding_to_copy(column: Column[Any]) -> str:
    """A statement that adds a column like this to the empty copy, which may have it already."""
    default = column.server_default
    if isinstance(default, Computed):
        return _adding(COPY, Column("online_column", column.type, Computed(default.sqltext, default.persisted)))
    if isinstance(default, Identity):
        return _adding(COPY, Column("online_column", column.type, Identity(always=default.always)))
    return _adding(COPY, Column("online_column", column.type, server_default=default))


def _bare(column: Column[Any]) -> Column[Any]:
    return Column(column.name, column.type)


def _adding(relation: Relation, column: Column[Any]) -> str:
    if_not_exists = None if relation is COPY else True
    return rendered(AddColumn(relation.table, column, schema=relation.schema, if_not_exists=if_not_exists))


def _require_alike(online: Steps, relation: Relation, column: Column[Any], type_here: str) -> None:
    if online.looking is None:
        return
    probe = Column("online_column", column.type)
    wanted = online.looking.column_as_made(relation, _adding(COPY, probe), "online_column").type
    if wanted != type_here:
        raise SchemaNotReady(
            f"{relation} has a column {column.name} already, of type {type_here} instead of {wanted}.",
            "Whoever added it meant another one: choose another name, or op.online_alter_type.",
        )


def _give_values(online: Steps, relation: Relation, column: Column[Any]) -> None:
    name, default = quoted(column.name), default_of(column)
    if online.looking is not None and (here := online.looking.columns(relation).get(column.name)) and here.not_null:
        return
    online.under_lock(
        f"setting the default of {column.name} in {relation}",
        written("set_default", table=relation.quoted, column=name, default=default),
        done=lambda looking: column.name in (here := looking.columns(relation)) and bool(here[column.name].default),
    )
    online.fill(relation, {"column": name, "value": "DEFAULT", "missing": f"{name} IS NULL"})


@Operations.implementation_for(OnlineSetNotNullOp)
def _set_not_null(operations: Operations, operation: OnlineSetNotNullOp) -> None:
    with steps(operations) as online:
        set_not_null(online, online.existing(operation.table, operation.schema), operation.name)


def set_not_null(online: Steps, relation: Relation, column: str) -> None:
    """A check is validated first, and NOT NULL then believes it; the check is dropped last, by itself."""
    check = made_up_name("online_not_null", relation.table, [column])

    def not_null(looking: Looking) -> bool:
        found = looking.columns(relation).get(column)
        return found is not None and found.not_null

    if online.looking is None or not not_null(online.looking):
        condition = text(f"{quoted(column)} IS NOT NULL")
        add_check(
            online, OnlineAddCheckOp(name=check, table=relation.table, condition=condition, schema=relation.schema)
        )
    names = {"table": relation.quoted, "column": quoted(column)}
    online.under_lock(f"setting {column} of {relation} NOT NULL", written("set_not_null", **names), done=not_null)
    online.drop_constraint(relation, check)


@Operations.implementation_for(OnlineDropNotNullOp)
def _drop_not_null(operations: Operations, operation: OnlineDropNotNullOp) -> None:
    with steps(operations) as online:
        relation = online.existing(operation.table, operation.schema)
        online.under_lock(
            f"letting {operation.name} of {relation} be NULL",
            written("drop_not_null", table=relation.quoted, column=quoted(operation.name)),
            done=lambda looking: not looking.columns(relation)[operation.name].not_null,
        )
        # What an interrupted online_set_not_null left would still refuse NULL.
        online.drop_constraint(relation, made_up_name("online_not_null", relation.table, [operation.name]))


@Operations.implementation_for(OnlineDropColumnOp)
def _drop_column(operations: Operations, operation: OnlineDropColumnOp) -> None:
    with steps(operations) as online:
        drop_column(online, online.existing(operation.table, operation.schema), operation.name)


def drop_column(online: Steps, relation: Relation, column: str) -> None:
    online.under_lock(
        f"dropping {column} of {relation}",
        written("drop_column", table=relation.quoted, column=quoted(column)),
        done=lambda looking: column not in looking.columns(relation),
    )
