"""Alembic's `op` with the directives, for editors and type checkers: `from backfill.alembic import op` in a revision.

The functions are those that `alembic.op` has once `backfill.alembic` is imported; here they have their types.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from alembic.op import *  # noqa: F403 - all of it, by its own names
from sqlalchemy import Column
from sqlalchemy.types import TypeEngine

from alembic import op as _op
from backfill.alembic.directives.constraints import CheckCondition
from backfill.alembic.directives.indexes import IndexColumns

_directives: Any = _op


def safely_assured(why: str) -> AbstractContextManager[None]:
    assured: AbstractContextManager[None] = _directives.safely_assured(why)
    return assured


def require_backfill(name: str) -> None:
    _directives.require_backfill(name)


def create_sync_trigger(definition: Any) -> None:
    _directives.create_sync_trigger(definition)


def drop_sync_trigger(definition: Any) -> None:
    _directives.drop_sync_trigger(definition)


def online_drop_trigger_function(function_name: str, *, schema: str | None = None) -> None:
    _directives.online_drop_trigger_function(function_name, schema=schema)


def redo_revision(revision: str) -> None:
    _directives.redo_revision(revision)


def online_add_column(table_name: str, column: Column[Any], *, schema: str | None = None) -> None:
    _directives.online_add_column(table_name, column, schema=schema)


def online_drop_column(table_name: str, column_name: str, *, schema: str | None = None) -> None:
    _directives.online_drop_column(table_name, column_name, schema=schema)


def online_set_not_null(table_name: str, column_name: str, *, schema: str | None = None) -> None:
    _directives.online_set_not_null(table_name, column_name, schema=schema)


def online_drop_not_null(table_name: str, column_name: str, *, schema: str | None = None) -> None:
    _directives.online_drop_not_null(table_name, column_name, schema=schema)


def online_create_index(
    index_name: str,
    table_name: str,
    columns: IndexColumns,
    *,
    schema: str | None = None,
    unique: bool = False,
    **options: Any,
) -> None:
    _directives.online_create_index(index_name, table_name, columns, schema=schema, unique=unique, **options)


def online_drop_index(index_name: str, table_name: str, *, schema: str | None = None) -> None:
    _directives.online_drop_index(index_name, table_name, schema=schema)


def online_add_foreign_key(
    constraint_name: str,
    source_table: str,
    referent_table: str,
    local_cols: Sequence[str],
    remote_cols: Sequence[str],
    *,
    ondelete: str | None = None,
    onupdate: str | None = None,
    deferrable: bool | None = None,
    initially: str | None = None,
    source_schema: str | None = None,
    referent_schema: str | None = None,
) -> None:
    _directives.online_add_foreign_key(
        constraint_name,
        source_table,
        referent_table,
        local_cols,
        remote_cols,
        ondelete=ondelete,
        onupdate=onupdate,
        deferrable=deferrable,
        initially=initially,
        source_schema=source_schema,
        referent_schema=referent_schema,
    )


def online_add_check(
    constraint_name: str, table_name: str, condition: CheckCondition, *, schema: str | None = None
) -> None:
    _directives.online_add_check(constraint_name, table_name, condition, schema=schema)


def online_add_unique(
    constraint_name: str, table_name: str, columns: Sequence[str], *, schema: str | None = None
) -> None:
    _directives.online_add_unique(constraint_name, table_name, columns, schema=schema)


def online_drop_constraint(constraint_name: str, table_name: str, *, schema: str | None = None) -> None:
    _directives.online_drop_constraint(constraint_name, table_name, schema=schema)


def online_rename_column(
    table_name: str,
    old_name: str,
    new_name: str,
    *,
    schema: str | None = None,
    existing_type: TypeEngine[Any] | None = None,
    existing_nullable: bool = True,
) -> None:
    _directives.online_rename_column(
        table_name,
        old_name,
        new_name,
        schema=schema,
        existing_type=existing_type,
        existing_nullable=existing_nullable,
    )


def online_finish_rename_column(
    table_name: str,
    old_name: str,
    new_name: str,
    *,
    schema: str | None = None,
    existing_server_default: str | None = None,
) -> None:
    _directives.online_finish_rename_column(
        table_name, old_name, new_name, schema=schema, existing_server_default=existing_server_default
    )


def online_alter_type(
    table_name: str,
    column_name: str,
    type_: TypeEngine[Any],
    *,
    using: str | None = None,
    schema: str | None = None,
    existing_nullable: bool = True,
    existing_server_default: str | None = None,
) -> None:
    _directives.online_alter_type(
        table_name,
        column_name,
        type_,
        using=using,
        schema=schema,
        existing_nullable=existing_nullable,
        existing_server_default=existing_server_default,
    )
