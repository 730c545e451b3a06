"""The plan of every statement that a run uses, asked of the server with parameters as a batch has them; nothing is run.

The limits of a batch are set, sequential scans are out of the question there: a plan that has one all the same found
no index that it could use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.runs.findings import EXAMPLES_KEPT
from backfill.runs.preview import StatementPlan
from backfill.runs.ranges import Unit
from worker.generations.transactions import explain_sql, run_sql

# Smaller tables are read whole in no time.
LARGE_BYTES = 4 * 1024 * 1024
PAGE_UNITS = 1000
PART_ROWS = 1000
WRITES = "this role may not write, so the server does not say"

_WHOLE_INDEX = {"Index Scan", "Index Only Scan", "Bitmap Index Scan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """`in_order`: a run walks along the index here, see walk_in_order.sql."""

    name: str
    part_of: str
    writes: bool
    in_order: bool = False


STATEMENTS = (
    _Statement(name="split", part_of="planning", writes=False),
    _Statement(name="read_page", part_of="reading ahead", writes=False),
    _Statement(name="read_units", part_of="reading ahead", writes=False),
    _Statement(name="lock_projects", part_of="a batch", writes=True),
    _Statement(name="lock_generations", part_of="a batch", writes=True),
    _Statement(name="settle", part_of="a batch", writes=True),
    _Statement(name="read_frontier", part_of="a large unit", writes=False),
    _Statement(name="count_rows", part_of="a large unit", writes=False),
    _Statement(name="lock_part", part_of="a large unit", writes=True, in_order=True),
    _Statement(name="number_part", part_of="a large unit", writes=True, in_order=True),
    _Statement(name="lock_candidate", part_of="a large unit", writes=True, in_order=True),
    _Statement(name="lock_rows", part_of="a large unit", writes=True, in_order=True),
    _Statement(name="choose_active", part_of="a large unit", writes=False, in_order=True),
    _Statement(name="flag_active", part_of="a large unit", writes=True, in_order=True),
    _Statement(name="settle_project", part_of="a large unit", writes=True, in_order=True),
    _Statement(name="last_key", part_of="verification", writes=False),
    _Statement(name="check_page", part_of="verification", writes=False),
)


async def explain_statements(
    connection: AsyncConnection, units: Sequence[Unit], *, writes: bool
) -> tuple[StatementPlan, ...]:
    """In the order in which a run comes to them; none without a unit to ask about."""
    if not units:
        return ()
    sizes = {row.table: row.table_bytes for row in await run_sql(connection, "survey_tables", {})}
    large = {name for name, size in sizes.items() if size > LARGE_BYTES}
    parameters = _parameters(units)
    plans, in_order = [], False
    for statement in sorted(STATEMENTS, key=lambda one: one.in_order):
        if statement.writes and not writes:
            plans.append(StatementPlan(statement=statement.name, part_of=statement.part_of, why_not=WRITES))
            continue
        if statement.in_order and not in_order:
            await run_sql(connection, "walk_in_order", {})
            in_order = True
        plan = await explain_sql(connection, statement.name, parameters[statement.name])
        plans.append(_read(statement, plan, large))
    order = [statement.name for statement in STATEMENTS]
    return tuple(sorted(plans, key=lambda plan: order.index(plan.statement)))


def _parameters(units: Sequence[Unit]) -> Mapping[str, Mapping[str, Any]]:
    """What a batch of these units is asked with; the largest of them stands for a large one."""
    ids = [unit.id for unit in units]
    largest = max(units, key=lambda unit: unit.rows).id
    (after_at, after_id), (end_at, end_id) = units[0].key, units[-1].key
    span = {"after_at": after_at, "after_id": after_id, "end_at": end_at, "end_id": end_id}
    mark = {"from_at": after_at, "from_id": "", "done_id": ""}
    places = [f"(0,{place})" for place in range(1, 11)]
    return {
        "split": {"ranges": 16, "percent": 100.0},
        "read_page": {**span, "units": len(ids), "row_cap": PART_ROWS},
        "read_units": {"ids": ids[:1], "row_cap": PART_ROWS},
        "lock_projects": {"ids": ids},
        "lock_generations": {"ids": ids},
        "settle": {"ids": ids, "counts": [str(unit.rows) for unit in units]},
        "read_frontier": {"project_id": largest},
        "count_rows": {"project_id": largest},
        "lock_part": {"project_id": largest, "rows": PART_ROWS, **mark},
        "number_part": {"places": places, "base": 0, "active_id": None},
        "lock_candidate": {"project_id": largest, "settled": False, "ids": []},
        "lock_rows": {"ids": ids[:1]},
        "choose_active": {"ids": ids[:2]},
        "flag_active": {"ids": ids[:2], "active_id": None},
        "settle_project": {"project_id": largest, "latest_version": 1, "active_id": None},
        "last_key": {},
        "check_page": {**span, "units": PAGE_UNITS, "examples": EXAMPLES_KEPT},
    }


def _read(statement: _Statement, plan: Mapping[str, Any], large: set[str]) -> StatementPlan:
    steps = [step for step in _steps(plan, limited=False) if step.words]
    # Quantiles of a small table are made of all its keys, on purpose; planning is one statement in a run.
    scans = () if statement.part_of == "planning" else tuple(sorted({s.scans for s in steps if s.scans in large}))
    return StatementPlan(
        statement=statement.name,
        part_of=statement.part_of,
        steps=tuple(step.words for step in steps),
        cost=round(float(plan["Total Cost"]), 1),
        scans=scans,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """In words if it reads a table; `scans` is the table where it reads the whole of it."""

    words: str
    scans: str = ""


def _steps(plan: Mapping[str, Any], *, limited: bool) -> Iterator[_Step]:
    kind, table = plan["Node Type"], plan.get("Relation Name", "")
    index = plan.get("Index Name")
    if table or index:
        words = f"{kind}{f' using {index}' if index else ''}{f' on {table}' if table else ''}"
        whole = kind == "Seq Scan" or (kind in _WHOLE_INDEX and "Index Cond" not in plan and not limited)
        yield _Step(words=words, scans=table if whole else "")
    # A LIMIT ends the walk along an index, unless something in between has to see all of it first.
    limited = kind == "Limit" or (limited and kind not in {"Sort", "Aggregate", "WindowAgg", "Hash"})
    for below in plan.get("Plans", ()):
        yield from _steps(below, limited=limited)
