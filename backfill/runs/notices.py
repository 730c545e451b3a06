"""What is told of a run to others than its operators: which transitions, as what event, in which words."""

from __future__ import annotations

from typing import Any

from backfill.runs.outlook import next_of, outcome_of
from backfill.runs.progress import progress_document
from backfill.runs.record import Run
from backfill.runs.states import State
from backfill.runs.telling import sentence_of
from backfill.runs.times import timestamp

# What is no transition has its own name as its action.
THROTTLED, QUARANTINED = "throttled", "quarantined"
_BY_ACTION = {"start": "started", "approve": "approved", THROTTLED: THROTTLED, QUARANTINED: QUARANTINED}
_BY_STATE = {
    state.value: state.value for state in (State.PROPOSED, State.PAUSED, State.FAILED, State.CANCELLED, State.SUCCEEDED)
}


def event_of(action: str, state: str) -> str | None:
    """`run.started` and so on; None for what is not told. A run that goes on after a pause has started again."""
    name = _BY_ACTION.get(action) or _BY_STATE.get(state)
    return f"run.{name}" if name else None


def sentence_for(action: str, about: dict[str, str]) -> str:
    """Of what happened, whatever the run has become since."""
    if action == THROTTLED:
        return f"Held up for long: {about['note']}"
    if action == QUARANTINED:
        return f"Quarantined so far: {about['note']} of its units"
    return sentence_of("state", {**about, "action": action})


def run_as_told(run: Run) -> dict[str, Any]:
    """The run as it is when this is sent, in short: no units, no findings, no parameters."""
    return {
        "id": run.id,
        "backfill": run.backfill,
        "version": run.version,
        "state": run.state.value,
        "done": run.done,
        "actions": [action.value for action in run.actions],
        "progress": progress_document(
            run.counts, run.samples, now_ms=run.seen_ms, moving=run.moving, complete=run.state is State.SUCCEEDED
        ),
        "throttled_by": run.held_back_by,
        "contended": len(run.contended),
        "quarantined": len(run.quarantined),
        "error": run.error,
        "outcome": outcome_of(run),
        "next": next_of(run),
        "requested_by": run.requested_by,
        "approved_by": run.approved_by,
        "created_at": timestamp(run.created_ms),
        "started_at": timestamp(run.started_ms),
        "finished_at": timestamp(run.finished_ms),
    }
