"""Every statement of a run, and what each is asked with, for the preview to explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backfill.runs.findings import EXAMPLES_KEPT
from backfill.runs.ranges import Unit
from backfill.sql.plans import Statement, StatementsOfRun
from worker.generations.queries import QUERIES
from worker.generations.tables import GENERATIONS, PROJECTS

PAGE_UNITS = 1000
PART_ROWS = 1000

_STATEMENTS = (
    Statement(name="split", part_of="planning", writes=False),
    Statement(name="read_page", part_of="reading ahead", writes=False),
    Statement(name="pass_settled", part_of="reading ahead", writes=False),
    Statement(name="read_units", part_of="reading ahead", writes=False),
    Statement(name="lock_projects", part_of="a batch", writes=True),
    Statement(name="lock_generations", part_of="a batch", writes=True),
    Statement(name="settle", part_of="a batch", writes=True),
    Statement(name="read_frontier", part_of="a large unit", writes=False),
    Statement(name="count_rows", part_of="a large unit", writes=False),
    Statement(name="mark_holds", part_of="a large unit", writes=False),
    Statement(name="lock_part", part_of="a large unit", writes=True, in_order=True),
    Statement(name="number_part", part_of="a large unit", writes=True, in_order=True),
    Statement(name="lock_candidate", part_of="a large unit", writes=True, in_order=True),
    Statement(name="lock_rows", part_of="a large unit", writes=True, in_order=True),
    Statement(name="choose_active", part_of="a large unit", writes=False, in_order=True),
    Statement(name="flag_active", part_of="a large unit", writes=True, in_order=True),
    Statement(name="settle_project", part_of="a large unit", writes=True, in_order=True),
    Statement(name="last_key", part_of="verification", writes=False),
    Statement(name="check_page", part_of="verification", writes=False, in_order=True),
    Statement(name="check_units", part_of="verification", writes=False, in_order=True),
)

STATEMENTS = StatementsOfRun(folder=QUERIES, statements=_STATEMENTS, tables=(PROJECTS, GENERATIONS))


def parameters_for(units: Sequence[Unit]) -> Mapping[str, Mapping[str, Any]]:
    """What a batch of these units is asked with; the largest of them stands for a large one."""
    ids = [unit.id for unit in units]
    largest = max(units, key=lambda unit: unit.rows).id
    (after_at, after_id), (end_at, end_id) = units[0].key, units[-1].key
    span = {"after_at": after_at, "after_id": after_id, "end_at": end_at, "end_id": end_id}
    mark = {"from_at": after_at, "from_id": "", "done_id": ""}
    places = [f"(0,{place})" for place in range(1, 11)]
    return {
        "split": {"ranges": 16, "percent": 100.0, "least_units": 100},
        "read_page": {**span, "units": len(ids), "row_cap": PART_ROWS},
        "pass_settled": {**span, "units": len(ids)},
        "read_units": {"ids": ids[:1], "row_cap": PART_ROWS},
        "lock_projects": {"ids": ids},
        "lock_generations": {"ids": ids},
        "settle": {"ids": ids, "counts": [str(unit.rows) for unit in units]},
        "read_frontier": {"project_id": largest},
        "count_rows": {"project_id": largest},
        "mark_holds": {"done_id": ""},
        "lock_part": {"project_id": largest, "rows": PART_ROWS, **mark},
        "number_part": {"places": places, "base": 0, "active_id": None},
        "lock_candidate": {"project_id": largest, "settled": False, "ids": []},
        "lock_rows": {"ids": ids[:1]},
        "choose_active": {"ids": ids[:2]},
        "flag_active": {"ids": ids[:2], "active_id": None},
        "settle_project": {"project_id": largest, "latest_version": 1, "active_id": None},
        "last_key": {},
        "check_page": {**span, "units": PAGE_UNITS},
        "check_units": {"ids": ids, "examples": EXAMPLES_KEPT},
    }
