"""Reads rows for a function, in a short transaction and without a lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.calls.answers import Row
from backfill.definitions.calls.spec import Spec
from backfill.definitions.walk.keys import as_text, unit_id
from backfill.sql.built import run_built


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`mark` is of this row as it was read, `written` what it had in the columns that are to be written."""

    unit_id: str
    row: Row
    written: tuple[Any, ...]
    mark: bytes


async def read_rows(connection: AsyncConnection, spec: Spec, which: ColumnElement[bool]) -> tuple[Seen, ...]:
    """In key order."""
    first, last = len(spec.walk.identity), len(spec.walk.identity) + len(spec.reads)
    return tuple(
        Seen(
            unit_id=unit_id(values[:first]),
            row=Row(dict(zip(spec.reads, values[first:last], strict=True))),
            written=tuple(values[last:-1]),
            mark=values[-1],
        )
        for values in await run_built(connection, read_statement(spec, which))
    )


def read_statement(spec: Spec, which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    texts = [as_text(column).label(f"k{place}") for place, column in enumerate(spec.walk.identity)]
    columns = (*spec.reads.values(), *spec.writes.values())
    named = [column.label(f"c{place}") for place, column in enumerate(columns)]
    return select(*texts, *named, spec.mark.label("mark")).select_from(spec.table).where(which).order_by(*spec.walk.key)


def rows_named(spec: Spec, unit_ids: Sequence[str]) -> ColumnElement[bool]:
    return spec.walk.among(list(unit_ids))
