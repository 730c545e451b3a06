"""Columns that a definition reads, as what it needs of the schema and of rights."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, Table

from backfill.sql.needs import ColumnNeed
from backfill.sql.privileges import Right
from backfill.sql.tables import PUBLIC, TableName


def name_of_table(table: Table) -> TableName:
    return TableName(name=table.name, schema=table.schema or PUBLIC)


def column_need(column: Column[object]) -> ColumnNeed:
    """Of any type: what an expression does with it, the server knows."""
    table = name_of_table(column.table)
    return ColumnNeed(table=table.name, schema=table.schema, name=column.name, is_read=True)


def rights_to_read(columns: Iterable[Column[object]]) -> tuple[Right, ...]:
    """One for each table."""
    by_table: dict[TableName, list[str]] = {}
    for column in columns:
        names = by_table.setdefault(name_of_table(column.table), [])
        if column.name not in names:
            names.append(column.name)
    return tuple(
        Right(privilege="SELECT", table=table.name, schema=table.schema, columns=tuple(names))
        for table, names in by_table.items()
    )
