"""Units of a table in key order, without a lock; what is to do is asked of each row by the definition's expression.

A page is one row of arrays: a driver makes a list of a thousand texts in a fraction of the time that it takes to make a
thousand rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.walk.walk import Walk
from backfill.runs.ranges import Key, Unit
from backfill.sql.built import run_built
from backfill.sql.plans import walk_in_order

Page = Select[*tuple[Any, ...]]


def page_statement(walk: Walk, within: ColumnElement[bool], todo: ColumnElement[bool], *, units: int | None) -> Page:
    """`todo` true: the row needs work."""
    texts = [text.label(f"k{place}") for place, text in enumerate(walk.key_texts())]
    rows = (
        select(*texts, func.coalesce(todo, literal_column("false")).label("todo"))
        .select_from(walk.table)
        .where(within)
        .order_by(*walk.key)
        .limit(units)
        .subquery("page")
    )
    return select(*(func.array_agg(column).label(column.name) for column in rows.columns))


async def read_page(
    connection: AsyncConnection,
    walk: Walk,
    bounds: tuple[Key | None, Key | None],
    todo: ColumnElement[bool],
    *,
    units: int,
) -> tuple[Unit, ...]:
    """The next rows in key order, at most `units`."""
    await walk_in_order(connection)
    statement = page_statement(walk, walk.between(*bounds), todo, units=units)
    return await _read(connection, walk, statement)


async def read_units(
    connection: AsyncConnection, walk: Walk, unit_ids: Collection[str], todo: ColumnElement[bool]
) -> tuple[Unit, ...]:
    """Those of the named rows that still exist, in key order."""
    statement = page_statement(walk, walk.among(list(unit_ids)), todo, units=None)
    return await _read(connection, walk, statement)


async def last_key(connection: AsyncConnection, walk: Walk) -> Key | None:
    """The end of the key space as it is now; None: the table is empty."""
    row = (await run_built(connection, last_key_statement(walk))).one_or_none()
    return tuple(row) if row is not None else None


def last_key_statement(walk: Walk) -> Page:
    texts = [text.label(f"k{place}") for place, text in enumerate(walk.key_texts())]
    return select(*texts).order_by(*(column.desc() for column in walk.key)).limit(1)


async def _read(connection: AsyncConnection, walk: Walk, statement: Page) -> tuple[Unit, ...]:
    columns: Sequence[list[Any] | None] = (await run_built(connection, statement)).one()
    *parts, todo = (column or [] for column in columns)
    keys: Iterable[Key] = zip(*parts, strict=True)
    if len(walk.key) == 1:
        return tuple(
            Unit(id=key[0], key=key, rows=1, todo=int(flag), settled=not flag)
            for key, flag in zip(keys, todo, strict=True)
        )
    return tuple(
        Unit(id=walk.id_of(key), key=key, rows=1, todo=int(flag), settled=not flag)
        for key, flag in zip(keys, todo, strict=True)
    )
