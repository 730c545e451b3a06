"""The walk over a table: one unit is one row, and units come in the order of a key that an index has.

The key is the primary key, after the columns that the author wants the walk to follow (as rows that were written
together lie together on disk). It is compared as a whole, `(a, b, c) > (…)`: only that is one step down the index. The
planner leaves no partition out by that, so its first column is bounded by itself besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy import Column, Table, and_, true, tuple_
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.mistakes import AuthorsMistake
from backfill.definitions.walk.keys import among, as_text, can_be_key, constant, spelled, typed, unit_id
from backfill.runs.ranges import Key
from backfill.sql.needs import ColumnNeed, IndexNeed
from backfill.sql.tables import PUBLIC, TableName


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """`key` orders the rows and ends with the primary key, `identity`, of which the id of a unit is made."""

    table: Table
    key: tuple[Column[Any], ...]
    identity: tuple[Column[Any], ...]

    @classmethod
    def over(cls, table: Table, *, order_by: Sequence[Column[Any]] = (), where: str) -> Walk:
        """`where` is how a mistake is spoken of. Raises AuthorsMistake."""
        identity = tuple(table.primary_key.columns)
        if not identity:
            raise AuthorsMistake(f"{where}.table", f"{table.name} has no primary key, so that no row can be named")
        for column in order_by:
            _require_order(column, table, where)
        key = (*order_by, *(column for column in identity if column not in order_by))
        for column in key:
            if not can_be_key(column):
                what = f"{column.name} is {spelled(column.type)}: from its text it cannot be found again"
                raise AuthorsMistake(f"{where}.order_by", what)
        return cls(table=table, key=key, identity=identity)

    @property
    def name(self) -> TableName:
        return TableName(name=self.table.name, schema=self.table.schema or PUBLIC)

    @property
    def key_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.key)

    def key_texts(self) -> list[ColumnElement[str]]:
        return [as_text(column) for column in self.key]

    def id_of(self, key: Key) -> str:
        places = [self.key.index(column) for column in self.identity]
        return unit_id([key[place] for place in places])

    def between(self, after: Key | None, end: Key | None) -> ColumnElement[bool]:
        """Keys above `after` up to and including `end`; None: no bound on that side."""
        same = self._alike(after, end)
        bounds = [column == typed(text, column) for text, column in zip(after or (), self.key[:same], strict=False)]
        rest = self.key[same:]
        if after is not None:
            bounds.append(_whole(rest) > _value(after[same:], rest))
        if end is not None:
            bounds.append(_whole(rest) <= _value(end[same:], rest))
        return and_(true(), *bounds, *_first_bounded(after[same:] if after else (), end[same:] if end else (), rest))

    def _alike(self, after: Key | None, end: Key | None) -> int:
        """How many of the first parts are the same on both sides; all but the last one at most."""
        pairs = zip(after[:-1], end[:-1], strict=True) if after is not None and end is not None else ()
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def among(self, unit_ids: Sequence[str]) -> ColumnElement[bool]:
        return among(self.identity, unit_ids)

    @property
    def column_needs(self) -> tuple[ColumnNeed, ...]:
        table, schema = self.name.name, self.name.schema
        return tuple(
            ColumnNeed(table=table, schema=schema, name=name, not_null=True, is_read=True) for name in self.key_names
        )

    @property
    def index_needs(self) -> tuple[IndexNeed, ...]:
        """One that makes the identity unique, and one to walk along: often the same."""
        table, schema = self.name.name, self.name.schema
        identity = tuple(column.name for column in self.identity)
        unique = IndexNeed(table=table, schema=schema, name=f"{table}_pkey", columns=identity, is_unique=True)
        if self.key_names == identity:
            return (unique,)
        name = f"ix_{table}_{'_'.join(self.key_names)}"
        return (unique, IndexNeed(table=table, schema=schema, name=name, columns=self.key_names))


def _whole(columns: Sequence[Column[Any]]) -> ColumnElement[Any]:
    return columns[0] if len(columns) == 1 else tuple_(*columns)


def _value(key: Key, columns: Sequence[Column[Any]]) -> ColumnElement[Any]:
    parts = [typed(text, column) for text, column in zip(key, columns, strict=True)]
    return parts[0] if len(parts) == 1 else tuple_(*parts)


def _first_bounded(after: Key, end: Key, columns: Sequence[Column[Any]]) -> Iterator[ColumnElement[bool]]:
    """What follows from the comparison of the whole key, for the planner; a single column says it already. No bound on
    a side is an empty key there."""
    first = columns[0]
    if len(columns) > 1:
        yield from (first >= constant(part, first) for part in after[:1])
        yield from (first <= constant(part, first) for part in end[:1])


def _require_order(column: Column[Any], table: Table, where: str) -> None:
    if column.table is not table:
        raise AuthorsMistake(f"{where}.order_by", f"{column} is no column of {table.name}")
    if column.nullable:
        what = f"{column.name} may be NULL, which no comparison of keys can pass: take one that is NOT NULL"
        raise AuthorsMistake(f"{where}.order_by", what)
