"""Verification of rows: one statement's view of some, so that live writes can never look like a breach.

Hardly any page has a breach. So the first look at it only counts rows that break any rule, and keeps none of them;
where there are some, a second statement says which and why, in a view of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Date, DateTime, Integer, Numeric, RowMapping, Select, String, case, false, func, or_, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause, ScalarSelect

from backfill.definitions.walk.keys import as_text, unit_id
from backfill.definitions.walk.walk import Walk
from backfill.engine.protocols import CheckedPage
from backfill.runs.findings import EXAMPLES_KEPT, Finding
from backfill.runs.ranges import Key
from backfill.sql.built import run_built
from backfill.sql.plans import read_in_place, walk_in_order

CHECKED_ROWS = 100_000
# Of a page with a breach, whose rows are kept until all has been said of them.
TOLD_ROWS = 20_000
# Types that every server has a max() for: the last key is found as the rows are counted. Others, and keys of several
# columns, are sorted for it.
_WITH_MAXIMUM = (Integer, Numeric, String, Date, DateTime)

Rows = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """`broken` is true for a row that breaks the rule. `mendable`: settling the row again mends it."""

    rule: str
    broken: ColumnElement[bool]
    mendable: bool = True


async def check_rows(
    connection: AsyncConnection,
    walk: Walk,
    bounds: tuple[Key | None, Key | None],
    breaches: Sequence[Breach],
    *,
    units: int,
) -> CheckedPage:
    """The next `units` rows against the rules; fewer of them where there is a breach."""
    await walk_in_order(connection)
    seen = (await run_built(connection, glance_statement(walk, bounds, breaches, units=units))).one()
    if seen.broken == 0:
        last_key = tuple(seen.last_key) if seen.units == units else None
        return CheckedPage(units=seen.units, last_key=last_key, findings=())
    units = min(units, TOLD_ROWS)
    row = (await run_built(connection, check_statement(walk, bounds, breaches, units=units))).mappings().one()
    findings = tuple(_findings(row, breaches))
    last = row["last_key"]
    return CheckedPage(
        units=row["units"],
        last_key=tuple(last) if row["units"] == units and last is not None else None,
        findings=findings,
        mendable=tuple(unit_id(parts) for parts in row["mendable"] or ()),
    )


async def check_rest(
    connection: AsyncConnection,
    walk: Walk,
    bounds: tuple[Key | None, Key],
    breaches: Sequence[Breach],
    *,
    units: int,
) -> CheckedPage | None:
    """All rows up to the end, if they are no more than `units` and right; None: `check_rows` is to look."""
    await read_in_place(connection)
    seen = (await run_built(connection, rest_statement(walk, bounds, breaches, units=units))).one()
    if seen.broken or seen.units > units:
        return None
    return CheckedPage(units=seen.units, last_key=None, findings=())


def rest_statement(walk: Walk, bounds: tuple[Key | None, Key], breaches: Sequence[Breach], *, units: int) -> Rows:
    """As `glance_statement`, of rows in any order and to the end of the bounds; one more than `units` at most."""
    broken = or_(false(), *(breach.broken for breach in breaches)).label("broken")
    page = select(broken).select_from(walk.table).where(walk.between(*bounds)).limit(units + 1).subquery("page")
    counted = func.count().filter(page.columns.broken).label("broken")
    return select(func.count().label("units"), counted).select_from(page)


def glance_statement(
    walk: Walk, bounds: tuple[Key | None, Key | None], breaches: Sequence[Breach], *, units: int
) -> Rows:
    """How many rows there are in the page and how many break any rule, and the last of the keys."""
    rows = _rows(walk, bounds, or_(false(), *(breach.broken for breach in breaches)).label("broken"), units=units)
    only = walk.key[0]
    is_simple = len(walk.key) == 1 and isinstance(only.type, _WITH_MAXIMUM)
    page = rows.subquery("page") if is_simple else rows.cte("page")
    last = array([as_text(func.max(page.columns.c0))]) if is_simple else _last_key(walk, page)
    broken = func.count().filter(page.columns.broken)
    return select(func.count().label("units"), broken.label("broken"), last.label("last_key")).select_from(page)


def check_statement(
    walk: Walk, bounds: tuple[Key | None, Key | None], breaches: Sequence[Breach], *, units: int
) -> Rows:
    flags = [breach.broken.label(f"b{place}") for place, breach in enumerate(breaches)]
    page = _rows(walk, bounds, *flags, units=units).cte("page")  # read several times: the server evaluates it once
    broken = [page.columns[f"b{place}"] for place in range(len(breaches))]
    mendable = [flag for flag, breach in zip(broken, breaches, strict=True) if breach.mendable]
    found = select(
        func.count().label("units"), *(func.count().filter(flag).label(f"count{n}") for n, flag in enumerate(broken))
    ).subquery("found")
    counts = [found.columns[f"count{place}"] for place in range(len(breaches))]
    # Hardly any page has a breach, and what is not asked for in a CASE is not looked for.
    return select(
        *found.columns,
        _last_key(walk, page).label("last_key"),
        case(
            (or_(false(), *(count > 0 for count in counts)), _ids(walk, page, or_(false(), *mendable), limit=None))
        ).label("mendable"),
        *(
            case((counts[place] > 0, _ids(walk, page, flag, limit=EXAMPLES_KEPT))).label(f"examples{place}")
            for place, flag in enumerate(broken)
        ),
    )


def _rows(walk: Walk, bounds: tuple[Key | None, Key | None], *flags: ColumnElement[bool], units: int) -> Rows:
    """The next ones, by their keys as `c0` and so on."""
    named = [column.label(f"c{place}") for place, column in enumerate(walk.key)]
    within = walk.between(*bounds)
    return select(*named, *flags).select_from(walk.table).where(within).order_by(*walk.key).limit(units)


def _key_in(walk: Walk, page: FromClause) -> list[ColumnElement[Any]]:
    return [page.columns[f"c{place}"] for place in range(len(walk.key))]


def _last_key(walk: Walk, page: FromClause) -> ScalarSelect[Any]:
    key = _key_in(walk, page)
    texts = array([as_text(column) for column in key])
    return select(texts).order_by(*(column.desc() for column in key)).limit(1).scalar_subquery()


def _ids(walk: Walk, page: FromClause, which: ColumnElement[bool], *, limit: int | None) -> ScalarSelect[Any]:
    """In key order, a list of lists: an id may have several parts."""
    key = _key_in(walk, page)
    parts = array([as_text(key[walk.key.index(column)]) for column in walk.identity])
    found = select(parts.label("parts")).where(which).order_by(*key).limit(limit).subquery()
    return select(func.array_agg(found.columns.parts)).scalar_subquery()


def _findings(row: RowMapping, breaches: Sequence[Breach]) -> Iterator[Finding]:
    for place, breach in enumerate(breaches):
        if count := row[f"count{place}"]:
            examples = tuple(unit_id(parts) for parts in row[f"examples{place}"])
            yield Finding(rule=breach.rule, is_error=True, count=count, examples=examples)
