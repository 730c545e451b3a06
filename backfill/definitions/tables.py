"""An author's tables and columns, mapped or not, as SQLAlchemy Core has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeGuard

from sqlalchemy import Column, Table, inspect
from sqlalchemy.exc import NoInspectionAvailable
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import ScalarSelect, SelectBase

from backfill.definitions.mistakes import AuthorsMistake


def table_of(given: object, where: str) -> Table:
    """Of a mapped class or a Table. Raises AuthorsMistake."""
    try:
        found = inspect(given)
    except NoInspectionAvailable:
        found = None
    table = getattr(found, "local_table", found)
    if not isinstance(table, Table):
        raise AuthorsMistake(where, f"{given!r} is no table: give a mapped class or a sqlalchemy.Table")
    return table


def column_of(given: object, table: Table, where: str) -> Column[Any]:
    """One of `table`, given as a mapped attribute or a Column. Raises AuthorsMistake."""
    column = given.__clause_element__() if hasattr(given, "__clause_element__") else given
    if not isinstance(column, Column):
        raise AuthorsMistake(where, f"{given!r} is no column: give a mapped attribute or a sqlalchemy.Column")
    found = table.columns.get(column.key) if getattr(column.table, "key", None) == table.key else None
    if found is None:
        raise AuthorsMistake(where, f"{column} is no column of {table.name}")
    return found


def expression_of(given: object, where: str) -> ColumnElement[Any]:
    """Raises AuthorsMistake for what is no SQL expression."""
    element = given.__clause_element__() if hasattr(given, "__clause_element__") else given
    if isinstance(element, SelectBase):
        raise AuthorsMistake(where, "a SELECT is no value yet: end it with .scalar_subquery()")
    if not isinstance(element, ColumnElement):
        raise AuthorsMistake(where, f"{given!r} is no SQL expression")
    return element


def columns_in(expressions: Iterable[ColumnElement[Any]]) -> tuple[Column[Any], ...]:
    """All that are read, of whatever table, each once and in the order in which they come."""
    found: dict[tuple[str, str], Column[Any]] = {}
    for expression in expressions:
        for element in visitors.iterate(expression):
            if _is_column(element):
                found.setdefault((element.table.key, element.key), element.table.columns[element.key])
    return tuple(found.values())


def has_subquery(expression: ColumnElement[Any]) -> bool:
    return any(isinstance(element, (SelectBase, ScalarSelect)) for element in visitors.iterate(expression))


def _is_column(element: object) -> TypeGuard[Column[Any]]:
    return isinstance(element, Column) and isinstance(element.table, Table)


def tables_in(expressions: Iterable[ColumnElement[Any]]) -> tuple[Table, ...]:
    """All that are read, also those of which no column is named."""
    found: dict[str, Table] = {}
    for expression in expressions:
        for element in visitors.iterate(expression):
            if isinstance(element, Table):
                found.setdefault(element.key, element)
            elif _is_column(element):
                found.setdefault(element.table.key, element.table)
    return tuple(found.values())
