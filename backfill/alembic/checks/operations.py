"""The dangers of Alembic's own operations; what strong_migrations and squawk warn of, as far as Alembic can do it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alembic.operations import ops
from sqlalchemy import Column
from sqlalchemy.schema import Computed, Identity

from backfill.alembic.checks.dangers import Danger
from backfill.alembic.directives.columns import adding_to_copy, default_of
from backfill.alembic.directives.rendering import DIALECT, Relation, quoted
from backfill.alembic.volatility import surely_the_same_for_all

WRITES_WAIT = "keeps everybody from writing to the table while it reads all of it"
ALL_WAIT = "keeps everybody from the table while it reads all of it"
REWRITES = "writes the whole table anew, with its indexes, and keeps everybody from it meanwhile"


def dangers_of(operation: ops.MigrateOperation) -> Iterator[Danger]:
    match operation:
        case ops.CreateIndexOp():
            yield from _create_index(operation)
        case ops.DropIndexOp():
            yield from _drop_index(operation)
        case ops.AddColumnOp():
            yield from _add_column(operation)
        case ops.AlterColumnOp():
            yield from _alter_column(operation)
        case ops.AddConstraintOp():
            yield from _add_constraint(operation)
        case ops.DropColumnOp():
            relation = Relation(table=operation.table_name, schema=operation.schema)
            what = f"breaks every release that still reads {operation.column_name}, as an ORM reads all its columns"
            yield Danger(relation=relation, what=what, instead="op.online_drop_column, after it", breaks=True)
        case ops.RenameTableOp():
            relation = Relation(table=operation.table_name, schema=operation.schema)
            instead = "a view with the old name in the same revision, dropped later"
            what = f"breaks every release that names {operation.table_name}"
            yield Danger(relation=relation, what=what, instead=instead, breaks=True)


def _create_index(operation: ops.CreateIndexOp) -> Iterator[Danger]:
    if not operation.kw.get("postgresql_concurrently"):
        relation = Relation(table=operation.table_name, schema=operation.schema)
        yield Danger(relation=relation, what=WRITES_WAIT, instead="op.online_create_index")


def _drop_index(operation: ops.DropIndexOp) -> Iterator[Danger]:
    if not operation.kw.get("postgresql_concurrently"):
        of_index = operation.table_name or str(operation.index_name)
        what = "waits for all who use the table, and everybody else waits behind it"
        relation = Relation(table=of_index, schema=operation.schema)
        yield Danger(relation=relation, what=what, instead="op.online_drop_index")


def _add_column(operation: ops.AddColumnOp) -> Iterator[Danger]:
    column: Column[Any] = operation.column
    relation = Relation(table=operation.table_name, schema=operation.schema)
    if isinstance(column.server_default, Computed | Identity):
        way = "a plain column, filled in by a backfill"
        yield Danger(relation=relation, what=REWRITES, instead=way, if_rewritten=adding_to_copy(column))
    elif column.server_default is not None:
        if not surely_the_same_for_all(default_of(column)):
            steps, copy = "op.online_add_column, which takes it in steps", adding_to_copy(column)
            yield Danger(relation=relation, what=REWRITES, instead=steps, if_rewritten=copy)
    elif not column.nullable:
        what = "is refused where there are rows, which could not have a value"
        way = "a nullable column, filled in by a backfill, then op.online_set_not_null"
        yield Danger(relation=relation, what=what, instead=way, breaks=True)
    if column.foreign_keys:
        way = "op.online_add_column, then op.online_add_foreign_key"
        yield Danger(relation=relation, what=WRITES_WAIT, instead=way)
    if column.unique or column.index or column.primary_key:
        way = "op.online_add_column, then op.online_add_unique or op.online_create_index"
        yield Danger(relation=relation, what=ALL_WAIT, instead=way)


def _alter_column(operation: ops.AlterColumnOp) -> Iterator[Danger]:
    relation = Relation(table=operation.table_name, schema=operation.schema)
    column = quoted(operation.column_name)
    if operation.modify_type is not None:
        type_words = operation.modify_type.compile(DIALECT)
        using = operation.kw.get("postgresql_using")
        copy = f"ALTER TABLE pg_temp.online_copy ALTER COLUMN {column} TYPE {type_words}"
        copy += f" USING {using}" if using else ""
        yield Danger(relation=relation, what=REWRITES, instead="op.online_alter_type", if_rewritten=copy)
    if operation.modify_nullable is False:
        checked = operation.column_name
        yield Danger(relation=relation, what=ALL_WAIT, instead="op.online_set_not_null", unless_checked=checked)
    if operation.modify_name is not None:
        what = f"breaks every release that names {operation.column_name}"
        yield Danger(relation=relation, what=what, instead="op.online_rename_column", breaks=True)


def _add_constraint(operation: ops.AddConstraintOp) -> Iterator[Danger]:
    named: Any = operation
    options = getattr(operation, "kw", {})
    if options.get("postgresql_not_valid"):
        return
    match operation:
        case ops.CreateForeignKeyOp():
            relation = Relation(table=operation.source_table, schema=options.get("source_schema"))
            what = "keeps everybody from writing to both tables while it reads all of the one that refers"
            yield Danger(relation=relation, what=what, instead="op.online_add_foreign_key")
            return
        case ops.CreateCheckConstraintOp():
            instead = "op.online_add_check"
        case ops.CreateUniqueConstraintOp():
            instead = "op.online_add_unique"
        case ops.CreatePrimaryKeyOp():
            instead = "op.online_create_index(..., unique=True), then ADD PRIMARY KEY USING INDEX"
        case _:
            instead = "a time when nobody uses the table: PostgreSQL has no other way for this constraint"
    relation = Relation(table=named.table_name, schema=getattr(named, "schema", None))
    yield Danger(relation=relation, what=ALL_WAIT, instead=instead)
