"""A run as the store holds it, and the one JSON document that API, CLI and events show of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from worker.runs.findings import Finding
from worker.runs.pace import Pace
from worker.runs.progress import Counts, Sample, progress_document
from worker.runs.ranges import PutAside, Quarantined, RangeState
from worker.runs.states import DONE, State, possible_actions


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Times are epoch milliseconds of the store's clock; `seen_ms` is when it was read.

    `ranges` is None until the run is planned. `batch_ms` is how long the last transaction that wrote rows took.
    """

    id: str
    backfill: str
    state: State
    pace: Pace
    counts: Counts
    ranges: tuple[RangeState, ...] | None
    ranges_finished: int
    batches: int
    batch_ms: float | None
    batch_rows_now: int
    units_checked: int
    contended: tuple[PutAside, ...]
    quarantined: tuple[Quarantined, ...]
    samples: tuple[Sample, ...]
    findings: tuple[Finding, ...] | None
    error: str | None
    throttled_by: str | None
    throttled_ms: int
    paused_ms: int
    requested_by: str
    created_ms: int
    started_ms: int | None
    updated_ms: int
    finished_ms: int | None
    seen_ms: int

    @property
    def done(self) -> bool:
        return self.state in DONE

    @property
    def settled(self) -> bool:
        """Every range has been walked to its end and nothing is put aside."""
        return self.ranges is not None and self.ranges_finished == len(self.ranges)


def timestamp(ms: int | None) -> str | None:
    """RFC 3339 in UTC with milliseconds, or None."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def run_document(run: Run) -> dict[str, Any]:
    """The run's JSON: the same in the API, in `--json` output and in events."""
    return {
        "id": run.id,
        "backfill": run.backfill,
        "state": run.state.value,
        "done": run.done,
        "actions": [action.value for action in possible_actions(run.state)],
        "progress": {
            **progress_document(
                run.counts,
                run.samples,
                now_ms=run.seen_ms,
                moving=run.state is State.RUNNING,
                finished=run.settled,
            ),
            "throttled_seconds": run.throttled_ms / 1000,
            "paused_seconds": run.paused_ms / 1000,
        },
        "pace": {**run.pace.document(), **_pace_now(run), "throttled_by": run.throttled_by},
        "ranges": None if run.ranges is None else [state.value for state in run.ranges],
        "contended": [_put_aside_document(unit, run.seen_ms) for unit in run.contended],
        "quarantined": [_quarantined_document(unit) for unit in run.quarantined],
        "verification": _verification_document(run),
        "error": run.error,
        "requested_by": run.requested_by,
        "created_at": timestamp(run.created_ms),
        "started_at": timestamp(run.started_ms),
        "updated_at": timestamp(run.updated_ms),
        "finished_at": timestamp(run.finished_ms),
    }


def _pace_now(run: Run) -> dict[str, Any]:
    return {
        "batch_rows_now": min(run.batch_rows_now, run.pace.batch_rows),
        "batch_ms": None if run.batch_ms is None else round(run.batch_ms, 1),
        "batches": run.batches,
    }


def _put_aside_document(unit: PutAside, now_ms: int) -> dict[str, Any]:
    return {"unit": unit.unit_id, "seconds": max(now_ms - unit.since_ms, 0) / 1000, "tries": unit.tries}


def _quarantined_document(unit: Quarantined) -> dict[str, Any]:
    return {
        "unit": unit.unit_id,
        "sqlstate": unit.sqlstate,
        "constraint": unit.constraint,
        "error": unit.error,
        "at": timestamp(unit.at_ms),
    }


def _verification_document(run: Run) -> dict[str, Any]:
    findings = run.findings
    if findings is None:
        return {"state": "running" if run.units_checked else "pending", "units_checked": run.units_checked}
    return {
        "state": "failed" if any(finding.is_error for finding in findings) else "passed",
        "units_checked": run.units_checked,
        "findings": [finding.document() for finding in findings],
    }
