"""Values of key columns as text and back: in Python and in Redis a key is nothing but text, the database compares it.

Text comes back with a cast to the column's own type, so that the index on the key is used; to the widest of its kind,
because a model is not always as wide as the column is by now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Date,
    DateTime,
    Float,
    Numeric,
    Text,
    any_,
    cast,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from backfill.sql.built import DIALECT

_TIMES: Mapping[type[TypeEngine[Any]], type[date]] = {Date: date, DateTime: datetime, TIMESTAMP: datetime}


def spelled(kind: TypeEngine[Any]) -> str:
    """The type as PostgreSQL's DDL has it."""
    return str(DIALECT.type_compiler_instance.process(kind))


def comparable(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """What a column of this type is compared as."""
    words = spelled(kind)
    if words in {"SMALLINT", "INTEGER"}:
        return BigInteger()
    if words.startswith("VARCHAR"):
        return Text()
    return Numeric() if words.startswith("NUMERIC") else kind


def can_be_key(column: Column[Any]) -> bool:
    """A float's text does not always lead back to it: a walk might see the same row for ever."""
    return not isinstance(column.type, Float)


def as_text(column: ColumnElement[Any]) -> ColumnElement[str]:
    return cast(column, Text)


def typed(value: str, column: Column[Any]) -> ColumnElement[Any]:
    return cast(cast(literal(value, Text), Text), comparable(column.type))


def constant(value: str, column: Column[Any]) -> ColumnElement[Any]:
    """The same as a constant in the planner's eyes, which a time as text is not: what it says depends on the session.
    What Python has no time for, such as infinity, is left to the cast."""
    kind = _TIMES.get(type(column.type))
    if kind is None:
        return typed(value, column)
    try:
        return literal(kind.fromisoformat(value), column.type)
    except ValueError:
        return typed(value, column)


def unit_id(parts: Sequence[str]) -> str:
    """The text of the key; of a composite one a JSON list of its parts' texts."""
    return parts[0] if len(parts) == 1 else json.dumps(list(parts), ensure_ascii=False, separators=(",", ":"))


def parts_of(unit_ids: Sequence[str], columns: int) -> list[list[str]]:
    """One list per column."""
    if columns == 1:
        return [list(unit_ids)]
    rows = [json.loads(one) for one in unit_ids]
    return [[row[place] for row in rows] for place in range(columns)]


def among(columns: Sequence[Column[Any]], unit_ids: Sequence[str]) -> ColumnElement[bool]:
    """Whether a row is one of these."""
    lists = [cast(literal(parts, ARRAY(Text)), ARRAY(Text)) for parts in parts_of(unit_ids, len(columns))]
    if len(columns) == 1:
        return columns[0] == any_(cast(lists[0], ARRAY(comparable(columns[0].type))))
    names = [f"part_{place}" for place in range(len(columns))]
    given = func.unnest(*lists).table_valued(*names, name="given").render_derived()
    parts = [cast(given.c[name], comparable(column.type)) for name, column in zip(names, columns, strict=True)]
    return tuple_(*columns).in_(select(*parts))
