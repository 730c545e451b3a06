"""Which rows are concerned when a row of another table changes: read off the equalities that correlate subqueries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Select, Table, UniqueConstraint
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList, ColumnElement, Grouping

from backfill.definitions.mistakes import AuthorsMistake

_OTHERWISE = (
    "Write a trigger of your own that locks the row first, and name it: kept_by = SyncTrigger(name=..., table=...)"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relation:
    """Rows of `child` concern the row of the definition's table of which `pairs` are equal: (child's, own) columns."""

    child: Table
    pairs: tuple[tuple[Column[Any], Column[Any]], ...]


def relations(expression: ColumnElement[Any], table: Table, where: str) -> Iterator[Relation]:
    """One for each subquery. Raises AuthorsMistake where the rows concerned cannot be read off."""
    for element in visitors.iterate(expression):
        if isinstance(element, Select):
            yield _relation(element, table, where)


def _relation(subquery: Select[Any], table: Table, where: str) -> Relation:
    sources = [source for source in subquery.get_final_froms() if getattr(source, "key", None) != table.key]
    if len(sources) != 1 or not isinstance(sources[0], Table):
        raise AuthorsMistake(where, f"its subquery is not of one other table, so that no trigger follows. {_OTHERWISE}")
    child = sources[0]
    pairs = tuple(_pairs(subquery.whereclause, child, table))
    if not _names_one_row([own for _, own in pairs], table):
        unclear = f"which row of {table.name} a row of {child.name} concerns does not follow from its subquery"
        would = f"equalities with the whole primary key of {table.name}, or with unique columns, would tell"
        raise AuthorsMistake(where, f"{unclear}: {would}. {_OTHERWISE}")
    return Relation(child=child, pairs=pairs)


def _pairs(clause: object, child: Table, table: Table) -> Iterator[tuple[Column[Any], Column[Any]]]:
    if isinstance(clause, Grouping):
        yield from _pairs(clause.element, child, table)
    elif isinstance(clause, BooleanClauseList) and clause.operator is operators.and_:
        for part in clause.clauses:
            yield from _pairs(part, child, table)
    elif isinstance(clause, BinaryExpression) and clause.operator is operators.eq:
        sides = (clause.left, clause.right)
        columns = {one.table.key: one for one in sides if isinstance(one, Column) and isinstance(one.table, Table)}
        if set(columns) == {child.key, table.key}:
            yield child.columns[columns[child.key].key], table.columns[columns[table.key].key]


def _names_one_row(columns: list[Column[Any]], table: Table) -> bool:
    unique = [set(table.primary_key.columns)]
    unique += [set(one.columns) for one in table.constraints if isinstance(one, UniqueConstraint)]
    unique += [set(index.columns) for index in table.indexes if index.unique]
    return any(one and one <= set(columns) for one in unique)
