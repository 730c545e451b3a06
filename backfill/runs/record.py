"""A run as the store holds it, and the one JSON document that API, CLI and events show of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from backfill.runs.attention import Movement, attention_of
from backfill.runs.findings import Finding
from backfill.runs.notes import Asked, Note
from backfill.runs.outlook import next_of, outcome_of, units_left
from backfill.runs.pace import Pace
from backfill.runs.parameters import load_parameters
from backfill.runs.progress import Counts, Sample, progress_document
from backfill.runs.ranges import PutAside, Quarantined, RangeState
from backfill.runs.schedule import Schedule
from backfill.runs.states import AT_REST, DONE, Action, State, possible_actions
from backfill.runs.terms import Terms
from backfill.runs.times import timestamp


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
    movement: Movement
    notes: tuple[Note, ...]
    asked: Asked | None
    approved_by: str | None = None
    throttled_since_ms: int | None = None
    schedule: Schedule = field(default_factory=Schedule)
    terms: Terms = field(default_factory=Terms)
    rung_for: str = ""

    @property
    def version(self) -> str:
        """Of the definition that it was started with."""
        return self.terms.version

    @property
    def parameters(self) -> dict[str, Any]:
        """JSON values by name; empty where the definition has none."""
        return load_parameters(self.terms.parameters)

    @property
    def address(self) -> str:
        """The name that it is rung for by."""
        return self.rung_for or self.terms.address(self.backfill, scheduled=bool(self.schedule))

    @property
    def done(self) -> bool:
        return self.state in DONE

    @property
    def settled(self) -> bool:
        """Every range has been walked to its end and nothing is put aside."""
        return self.ranges is not None and self.ranges_finished == len(self.ranges)

    @property
    def waits(self) -> str:
        """Until when it does not work because of its schedule, in words; empty while it may, or rests anyway."""
        at_rest = self.state in AT_REST or self.state is State.CANCELLING
        return "" if at_rest else self.schedule.waits(self.seen_ms)

    @property
    def moving(self) -> bool:
        """Rows are being worked on, so that a rate and an ETA mean something."""
        is_at_it = self.state is State.RUNNING and not self.settled
        return is_at_it and not self.waits and attention_of(self) is None

    @property
    def actions(self) -> tuple[Action, ...]:
        """What an operator can ask for now. A paused run in which nothing is quarantined has nothing to be retried."""
        nothing_to_retry = self.state is State.PAUSED and not self.quarantined
        possible = possible_actions(self.state)
        return tuple(action for action in possible if action is not Action.RETRY or not nothing_to_retry)

    @property
    def held_back_by(self) -> str | None:
        """What makes it slower now: its own limit, or what went wrong last. One at rest, or outside its
        window, is not slow."""
        return None if self.state in AT_REST or self.waits else self.throttled_by


def run_document(run: Run) -> dict[str, Any]:
    """The run's JSON: the same in the API, in `--json` output and in events."""
    attention = attention_of(run)
    return {
        "id": run.id,
        "backfill": run.backfill,
        "version": run.version,
        "parameters": run.parameters,
        "database": run.terms.database or None,
        "state": run.state.value,
        "done": run.done,
        "actions": [action.value for action in run.actions],
        "attention": None if attention is None else attention.document(),
        "progress": _progress(run),
        "pace": {**run.pace.document(), **_pace_now(run)},
        "schedule": {**run.schedule.document(run.seen_ms), "waits": run.waits or None},
        "ranges": None if run.ranges is None else [state.value for state in run.ranges],
        "contended": [_put_aside_document(unit, run.seen_ms) for unit in run.contended],
        "quarantined": [_quarantined_document(unit) for unit in run.quarantined],
        "verification": _verification_document(run),
        "error": run.error,
        "outcome": outcome_of(run),
        "next": next_of(run),
        "notes": [_note_document(note) for note in run.notes],
        "asked": None if run.asked is None else _asked_document(run.asked),
        "requested_by": run.requested_by,
        "approved_by": run.approved_by,
        "created_at": timestamp(run.created_ms),
        "started_at": timestamp(run.started_ms),
        "updated_at": timestamp(run.updated_ms),
        "moved_at": timestamp(run.movement.moved_ms),
        "finished_at": timestamp(run.finished_ms),
    }


def _progress(run: Run) -> dict[str, Any]:
    return {
        **progress_document(
            run.counts,
            run.samples,
            now_ms=run.seen_ms,
            moving=run.moving,
            complete=run.state is State.SUCCEEDED,
        ),
        "units_left": units_left(run),
        "throttled_seconds": run.throttled_ms / 1000,
        "paused_seconds": run.paused_ms / 1000,
    }


def _note_document(note: Note) -> dict[str, Any]:
    return {"text": note.text, "by": note.by, "at": timestamp(note.at_ms), "action": note.action}


def _asked_document(asked: Asked) -> dict[str, Any]:
    return {"action": asked.action, "by": asked.by, "at": timestamp(asked.at_ms)}


def _pace_now(run: Run) -> dict[str, Any]:
    return {
        "batch_rows_now": min(run.batch_rows_now, run.pace.batch_rows),
        "batch_ms": None if run.batch_ms is None else round(run.batch_ms, 1),
        "batches": run.batches,
        "throttled_by": run.held_back_by,
        "throttled_since": timestamp(run.throttled_since_ms) if run.held_back_by else None,
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
