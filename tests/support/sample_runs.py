"""Runs as the store would give them, for rules that look at a run and need no store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from backfill.runs.attention import Movement
from backfill.runs.pace import Pace
from backfill.runs.progress import Counts
from backfill.runs.ranges import PutAside, Quarantined, RangeState
from backfill.runs.record import Run
from backfill.runs.states import State

NOW_MS = 1_773_480_413_589
PATIENCE_MS = 60_000
MOVEMENT = Movement(moved_ms=NOW_MS, workers=1, refused="", leases=1, rests_until_ms=0, patience_ms=PATIENCE_MS)
COUNTS = Counts(units_done=5, units_total=10, rows_done=50, rows_written=50, rows_total=100, total_is_estimate=False)


def run_of(state: State, **changes: Any) -> Run:
    """Half done, with a worker at it that has just moved, but for the `changes`."""
    run = Run(
        id="3f9c1a7be210",
        backfill="generation-versions",
        state=state,
        pace=Pace(parallel=1, batch_rows=100, target_ms=20, pause_ms=0, rows_per_second=0),
        counts=COUNTS,
        ranges=(RangeState.SETTLED, RangeState.WORKING),
        ranges_finished=1,
        batches=3,
        batch_ms=12.0,
        batch_rows_now=100,
        units_checked=0,
        contended=(),
        quarantined=(),
        samples=(),
        findings=None,
        error=None,
        throttled_by=None,
        throttled_ms=0,
        paused_ms=0,
        requested_by="test",
        created_ms=NOW_MS - 60_000,
        started_ms=NOW_MS - 60_000,
        updated_ms=NOW_MS,
        finished_ms=None,
        seen_ms=NOW_MS,
        movement=MOVEMENT,
        notes=(),
        asked=None,
    )
    return replace(run, **changes)


def walked_to_the_end(run: Run, *, units_done: int = 10, rows_done: int = 100, rows_written: int = 50) -> Run:
    counts = replace(run.counts, units_done=units_done, rows_done=rows_done, rows_written=rows_written)
    return replace(run, ranges=(RangeState.SETTLED, RangeState.SETTLED), ranges_finished=2, counts=counts)


def contended_unit(name: str, *, counted: bool = False) -> PutAside:
    return PutAside(unit_id=name, range_index=0, since_ms=NOW_MS - 5_000, tries=3, due_ms=NOW_MS, counted=counted)


def quarantined_unit(name: str) -> Quarantined:
    return Quarantined(
        unit_id=name, range_index=0, sqlstate="23514", constraint="c", error="a value is not allowed", at_ms=NOW_MS
    )
