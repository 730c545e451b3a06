"""Rows for a test, made up from what the columns are: as many columns as must have a value."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Date, DateTime, Integer, Numeric, String, Table, Uuid
from sqlalchemy.types import TypeEngine

from backfill.sql.built import DIALECT

_VALUES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Integer, "n"),
    (Numeric, "n"),
    (Boolean, "true"),
    (String, "'Value ' || n"),
    (DateTime, "now()"),
    (Date, "current_date"),
    (Uuid, "gen_random_uuid()"),
)


def inserted(table: Table, *, rows: int) -> str | None:
    """An INSERT of so many; None where that cannot be told."""
    needed = [column for column in table.columns if _must_be_given(column)]
    if any(column.foreign_keys for column in needed):
        return None
    values = [_value(column) for column in needed]
    if not needed or None in values:
        return None
    names = ", ".join(_quoted(column.name) for column in needed)
    made = ", ".join(str(value) for value in values)
    return f"INSERT INTO {_named(table)} ({names}) SELECT {made} FROM generate_series(1, {rows}) AS n"  # noqa: S608 - names are quoted


def inserted_below(units: Table, rows: Table, *, each: int) -> str | None:
    """Some rows for each unit that is there."""
    key = next((one for one in rows.foreign_key_constraints if one.referred_table is units), None)
    if key is None:
        return None
    own = {element.parent: element.column for element in key.elements}
    needed = [column for column in rows.columns if column in own or _must_be_given(column)]
    values = [f"u.{_quoted(own[column].name)}" if column in own else _value(column) for column in needed]
    if None in values or any(column.foreign_keys and column not in own for column in needed):
        return None
    names, made = ", ".join(_quoted(column.name) for column in needed), ", ".join(str(value) for value in values)
    source = f"{_named(units)} AS u, generate_series(1, {each}) AS n"
    return f"INSERT INTO {_named(rows)} ({names}) SELECT {made} FROM {source}"  # noqa: S608 - as above


def _must_be_given(column: Column[Any]) -> bool:
    if column.server_default is not None or column.identity is not None or column.computed is not None:
        return False
    by_itself = column.primary_key and column is column.table.autoincrement_column
    return not column.nullable and not by_itself


def _value(column: Column[Any]) -> str | None:
    kind = column.type
    made = next((value for known, value in _VALUES if isinstance(kind, known)), None)
    length = getattr(kind, "length", None)
    return f"left({made}, {length})" if made and length else made


def _quoted(name: str) -> str:
    return str(DIALECT.identifier_preparer.quote(name))


def _named(table: Table) -> str:
    return str(DIALECT.identifier_preparer.format_table(table))
