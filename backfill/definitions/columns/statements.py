"""Every statement of a set-based backfill, built from its declaration.

A row is written where it differs, and only there. Rows are found by their key's range or by their ids; what is right
for them is never computed anywhere but in the UPDATE itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, Update, and_, func, literal_column, not_, select, update
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.columns.declaration import Declaration
from backfill.definitions.walk import Walk
from backfill.definitions.walk.keys import as_text
from backfill.runs.ranges import Key

Rows = Select[*tuple[Any, ...]]


def write(declaration: Declaration, within: ColumnElement[bool]) -> Update:
    """Those of the rows `within` that belong to it and differ."""
    values = {setting.column: setting.expression for setting in declaration.settings}
    return update(declaration.table).where(within, declaration.belongs, declaration.differs).values(values)


def stretch_end(walk: Walk, bounds: tuple[Key | None, Key], units: int) -> Rows:
    """The key of the last of the next `units` rows; none where there are fewer."""
    texts = [text.label(f"k{place}") for place, text in enumerate(walk.key_texts())]
    within = walk.between(*bounds)
    return select(*texts).select_from(walk.table).where(within).order_by(*walk.key).offset(units - 1).limit(1)


def count(walk: Walk, bounds: tuple[Key | None, Key]) -> Rows:
    return select(func.count()).select_from(walk.table).where(walk.between(*bounds))


def lock(walk: Walk, which: ColumnElement[bool]) -> Rows:
    """The rows that nobody else holds, as one array for each part of the identity; the key is the order of locking."""
    parts = [as_text(column).label(f"p{place}") for place, column in enumerate(walk.identity)]
    locked = (
        select(*parts)
        .select_from(walk.table)
        .where(which)
        .order_by(*walk.key)
        .with_for_update(key_share=True, skip_locked=True, of=walk.table)
        .subquery("locked")
    )
    return select(*(func.array_agg(column).label(column.name) for column in locked.columns))


def left_out(walk: Walk, which: ColumnElement[bool], locked: Sequence[str]) -> Rows:
    """Those that were to be locked and were not, as `lock` returns them."""
    beside = and_(which, not_(walk.among(locked))) if locked else which
    parts = [as_text(column).label(f"p{place}") for place, column in enumerate(walk.identity)]
    left = select(*parts).select_from(walk.table).where(beside).subquery("left_out")
    return select(*(func.array_agg(column).label(column.name) for column in left.columns))


def pages_of(declaration: Declaration, within: ColumnElement[bool]) -> Rows:
    """On how many pages the rows are that a batch is going to write."""
    page = func.split_part(as_text(literal_column("ctid")), ",", 1)
    return (
        select(func.count().label("rows"), func.count(page.distinct()).label("pages"))
        .select_from(declaration.table)
        .where(within, declaration.belongs, declaration.differs)
    )
