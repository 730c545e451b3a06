"""How large a table is, how much of it is left to do, and where to cut it into ranges.

A small table is counted, a large one sampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import FromClause, Integer, Select, cast, func, literal, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.walk.keys import as_text
from backfill.definitions.walk.pages import last_key
from backfill.definitions.walk.partitions import ends_of_partitions, in_order
from backfill.definitions.walk.walk import Walk
from backfill.runs.ranges import Key, Plan, Span
from backfill.sql.built import explain_built, run_built

EXACT_BELOW_ROWS = 200_000
SAMPLE_ROWS = 20_000
# With fewer rows a range costs more than it divides.
LEAST_RANGE_ROWS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """`rows` there are, `left` of them to do; `is_estimate` where not all of them were looked at."""

    rows: int
    left: int
    is_estimate: bool


async def plan(connection: AsyncConnection, walk: Walk, ranges: int) -> Plan:
    """At most `ranges` of about the same number of rows, each cut where one partition ends and the next begins."""
    rows, is_estimate = await _rows(connection, walk)
    wanted = max(1, min(ranges, rows // LEAST_RANGE_ROWS))
    split = split_statement(walk, wanted, _percent(rows, is_estimate))
    ends = [tuple(row) for row in await run_built(connection, split)]
    last = await last_key(connection, walk)
    if last is None:
        return Plan(spans=(), units_total=0, rows_total=0, total_is_estimate=False)
    # A sample ends before the last row, mostly.
    ends = ends if ends and ends[-1] == last else [*ends, last]
    if cuts := await ends_of_partitions(connection, walk):
        ends = await in_order(connection, walk, [*ends, *cuts])
    starts: list[Key | None] = [None, *ends]
    spans = tuple(Span(start=start, end=end) for start, end in zip(starts, ends, strict=False))
    return Plan(spans=spans, units_total=rows, rows_total=rows, total_is_estimate=is_estimate)


async def count_left(connection: AsyncConnection, walk: Walk, todo: ColumnElement[bool]) -> Left:
    rows, is_estimate = await _rows(connection, walk)
    if not rows:
        return Left(rows=0, left=0, is_estimate=False)
    counted = select(func.count().label("seen"), func.count().filter(todo).label("left")).select_from(walk.table)
    if is_estimate:
        sample = _sample(walk, _percent(rows, is_estimate))
        # By their keys and not as the sample itself, whose columns the author's expression does not name.
        counted = counted.where(
            tuple_(*walk.identity).in_(select(*(sample.columns[column.key] for column in walk.identity)))
        )
    seen = (await run_built(connection, counted)).one()
    if not is_estimate:
        return Left(rows=seen.seen, left=seen.left, is_estimate=False)
    return Left(rows=rows, left=round(rows * seen.left / max(seen.seen, 1)), is_estimate=True)


def split_statement(walk: Walk, ranges: int, percent: float) -> Select[*tuple[Any, ...]]:
    """Ends of ranges: quantiles of a sample of the keys, of all of them in a small table."""
    sample = _sample(walk, percent)
    key = [sample.columns[column.key] for column in walk.key]
    part = func.ntile(cast(literal(ranges, Integer), Integer)).over(order_by=key).label("part")
    parts = select(*(column.label(f"k{place}") for place, column in enumerate(key)), part).subquery("parts")
    keys = [parts.columns[f"k{place}"] for place in range(len(key))]
    following = func.lead(parts.columns.part).over(order_by=keys).label("following")
    ends = select(parts.columns.part, following, *keys).subquery("ends")
    return (
        select(*(as_text(ends.columns[column.key]) for column in keys))
        .where(ends.columns.following.is_distinct_from(ends.columns.part))
        .order_by(ends.columns.part)
    )


def _sample(walk: Walk, percent: float) -> FromClause:
    if percent >= 100:
        return walk.table.alias("sample")
    share = func.system(literal_column(f"{percent:.6f}"))
    return walk.table.tablesample(share, name="sample", seed=literal_column("0"))


def _percent(rows: int, is_estimate: bool) -> float:
    return min(100.0, 100.0 * SAMPLE_ROWS / rows) if is_estimate else 100.0


async def _rows(connection: AsyncConnection, walk: Walk) -> tuple[int, bool]:
    """As the planner believes, which goes by the size on disk, or counted."""
    believed = await explain_built(connection, select(literal_column("1")).select_from(walk.table))
    rows = int(believed["Plan Rows"])
    if rows > EXACT_BELOW_ROWS:
        return rows, True
    return (await run_built(connection, select(func.count()).select_from(walk.table))).scalar_one(), False
