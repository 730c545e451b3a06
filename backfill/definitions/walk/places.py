"""Which of some keys comes first: as the index that the walk follows orders them, with its column's own collation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Select, Text, cast, false, func, literal, literal_column, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.definitions.walk.keys import comparable
from backfill.definitions.walk.walk import Walk
from backfill.runs.ranges import Key
from backfill.sql.built import run_built


async def places_of(connection: AsyncConnection, walk: Walk, keys: Sequence[Key]) -> list[int]:
    """From 0 on, equal ones alike."""
    return [place - 1 for (place,) in await run_built(connection, places_statement(walk, keys))]


def places_statement(walk: Walk, keys: Sequence[Key]) -> Select[*tuple[Any, ...]]:
    names = [f"k{place}" for place in range(len(walk.key))]
    lists = [cast(literal([key[n] for key in keys], ARRAY(Text)), ARRAY(Text)) for n in range(len(names))]
    given = func.unnest(*lists).table_valued(*names, name="given", with_ordinality="nth").render_derived()
    asked = [cast(given.c[name], comparable(walk.key[n].type)).label(name) for n, name in enumerate(names)]
    # No row of the table: it lends its columns' collations to the keys beside it.
    columns = [column.label(name) for column, name in zip(walk.key, names, strict=True)]
    none = select(*columns, literal_column("0::bigint").label("nth"))
    keyed = union_all(none.where(false()), select(*asked, given.c.nth)).subquery("keyed")
    *parts, nth = keyed.columns
    return select(func.dense_rank().over(order_by=parts)).order_by(nth)
