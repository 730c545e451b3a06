"""The statements that follow from a declaration: finding units with how much of them is left, and locking them.

Only what is right for a unit is the author's own SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, case, exists, false, func, literal_column, not_, select, true
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.groups.declaration import Declaration
from backfill.definitions.walk.keys import as_text
from backfill.runs.ranges import Key

Rows = Select[*tuple[Any, ...]]


def read_page(declaration: Declaration, bounds: tuple[Key | None, Key | None], *, units: int, row_cap: int) -> Rows:
    return _units(declaration, declaration.walk.between(*bounds), units, row_cap)


def read_units(declaration: Declaration, unit_ids: Sequence[str], *, row_cap: int) -> Rows:
    return _units(declaration, declaration.walk.among(unit_ids), None, row_cap)


def _units(declaration: Declaration, which: ColumnElement[bool], units: int | None, row_cap: int) -> Rows:
    """Rows are counted up to the cap, so that a giant costs no more here than a full batch does."""
    walk = declaration.walk
    page = select(*walk.key).where(which).order_by(*walk.key).limit(units).subquery("page")
    identity = [page.columns[column.key] for column in walk.identity]
    own = declaration.of_unit_in(page, identity)
    todo = func.coalesce(declaration.todo, false())
    seen = select(todo.label("todo")).select_from(declaration.rows_table).where(own).limit(row_cap)
    few = seen.correlate(page).lateral("seen")
    counted = select(func.count().label("rows"), func.count().filter(few.columns.todo).label("todo")).select_from(few)
    n = counted.correlate(page).lateral("n")
    left = exists().where(own, declaration.todo).correlate(page)
    settled = case((n.columns.todo > 0, false()), (n.columns.rows < row_cap, true()), else_=not_(left))
    texts = [as_text(page.columns[column.key]).label(f"k{place}") for place, column in enumerate(walk.key)]
    return (
        select(
            *texts,
            n.columns.rows,
            n.columns.todo,
            (n.columns.rows >= row_cap).label("capped"),
            settled.label("settled"),
        )
        .select_from(page.join(n, true()))
        .order_by(*(page.columns[column.key] for column in walk.key))
    )


def count_rows(declaration: Declaration, unit_id: str) -> Rows:
    return select(func.count()).select_from(declaration.rows_table).where(declaration.of_units([unit_id]))


def lock_units(declaration: Declaration, unit_ids: Sequence[str]) -> Rows:
    """What is missing in the answer is contended or gone. NO KEY: plain foreign-key checks of the application pass."""
    walk = declaration.walk
    parts = [as_text(column).label(f"p{place}") for place, column in enumerate(walk.identity)]
    return (
        select(*parts)
        .where(walk.among(unit_ids))
        .order_by(*walk.key)
        .with_for_update(key_share=True, skip_locked=True, of=walk.table)
    )


def lock_rows(declaration: Declaration, unit_ids: Sequence[str]) -> Rows:
    """How many rows of each unit could be locked without waiting."""
    locked = (
        select(*declaration.id_parts())
        .where(declaration.of_units(unit_ids))
        .with_for_update(key_share=True, skip_locked=True, of=declaration.rows_table)
        .subquery("locked")
    )
    return select(*locked.columns, func.count().label("rows")).group_by(*locked.columns)


def count_locked(declaration: Declaration, unit_ids: Sequence[str]) -> Rows:
    """How many there are: a unit that has more than could be locked is left out of the batch."""
    parts = declaration.id_parts()
    rows = select(*parts, func.count().label("rows")).where(declaration.of_units(unit_ids))
    return rows.group_by(*(part.element for part in parts))


def count_left(declaration: Declaration) -> Rows:
    """Units that are not settled."""
    left = exists().where(declaration.of_unit_in(declaration.walk.table, declaration.walk.identity), declaration.todo)
    return select(func.count()).select_from(declaration.walk.table).where(left)


def count_pages(declaration: Declaration, unit_ids: Sequence[str]) -> Rows:
    """On how many pages the rows are that a batch is going to write."""
    page = func.split_part(as_text(literal_column("ctid")), ",", 1)
    return (
        select(func.count().label("rows"), func.count(page.distinct()).label("pages"))
        .select_from(declaration.rows_table)
        .where(and_(declaration.of_units(unit_ids), declaration.todo))
    )
