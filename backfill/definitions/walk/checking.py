"""Verification of rows: one statement's view of some, so that live writes can never look like a breach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, Select, case, false, func, or_, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import CTE, ScalarSelect

from backfill.definitions.walk.keys import as_text, unit_id
from backfill.definitions.walk.walk import Walk
from backfill.engine.protocols import CheckedPage
from backfill.runs.findings import EXAMPLES_KEPT, Finding
from backfill.runs.ranges import Key
from backfill.sql.built import run_built
from backfill.sql.plans import walk_in_order

CHECKED_ROWS = 20_000


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
    """The next `units` rows against the rules."""
    await walk_in_order(connection)
    row = (await run_built(connection, check_statement(walk, bounds, breaches, units=units))).mappings().one()
    findings = tuple(_findings(row, breaches))
    last = row["last_key"]
    return CheckedPage(
        units=row["units"],
        last_key=tuple(last) if row["units"] == units and last is not None else None,
        findings=findings,
        mendable=tuple(unit_id(parts) for parts in row["mendable"] or ()),
    )


def check_statement(
    walk: Walk, bounds: tuple[Key | None, Key | None], breaches: Sequence[Breach], *, units: int
) -> Select[*tuple[Any, ...]]:
    named = [column.label(f"c{place}") for place, column in enumerate(walk.key)]
    flags = [breach.broken.label(f"b{place}") for place, breach in enumerate(breaches)]
    rows = select(*named, *flags).select_from(walk.table).where(walk.between(*bounds)).order_by(*walk.key).limit(units)
    page = rows.cte("page")  # read several times, so that the server evaluates it once
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


def _key_in(walk: Walk, page: CTE) -> list[ColumnElement[Any]]:
    return [page.columns[f"c{place}"] for place in range(len(walk.key))]


def _last_key(walk: Walk, page: CTE) -> ScalarSelect[Any]:
    key = _key_in(walk, page)
    texts = array([as_text(column) for column in key])
    return select(texts).order_by(*(column.desc() for column in key)).limit(1).scalar_subquery()


def _ids(walk: Walk, page: CTE, which: ColumnElement[bool], *, limit: int | None) -> ScalarSelect[Any]:
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
