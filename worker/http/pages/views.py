"""What a page says of a run besides its JSON: sentences for its state, its ranges counted, its events in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from worker.cli.output import number
from worker.engine.protocols import Event
from worker.http.pages.chart import Chart, chart_of
from worker.runs.ranges import RangeState
from worker.runs.record import Run, run_document
from worker.runs.states import AT_REST, State
from worker.runs.telling import sentence_of
from worker.runs.times import timestamp

EVENTS_SHOWN = 50
UNITS_SHOWN = 20

SENTENCES = {
    State.QUEUED: "Waiting for a worker. Start one with: arq worker.main.WorkerSettings",
    State.RUNNING: "Rows are written in small batches while the application goes on.",
    State.VERIFYING: "Every range is settled. Now each unit is checked against the rules.",
    State.PAUSING: "Resting after the batches in flight.",
    State.PAUSED: "At rest, with nothing half done. Resume goes on from the same place.",
    State.CANCELLING: "Ending after the batches in flight.",
    State.CANCELLED: "Ended early. Every unit is either settled or untouched.",
    State.FAILED: "Ended, but not everything could be settled and verified.",
    State.SUCCEEDED: "Every unit is settled, and verification found no error.",
}
BY_PACE = "rows_per_second"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    at: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """`run` is the run's JSON; the rest is what only a page needs.

    `took` are the seconds from its start to its end without its pauses, None before the end.
    """

    run: dict[str, Any]
    sentence: str
    percent: str
    at_rest: bool
    limited: str
    held_up: str
    took: float | None
    range_counts: dict[str, int]
    chart: Chart | None
    events: list[EventView]
    events_before: int


def view_of(run: Run, events: Sequence[Event] = ()) -> RunView:
    document = run_document(run)
    counts = Counter(run.ranges or ())
    return RunView(
        run=document,
        sentence=SENTENCES[run.state],
        percent=percent(document["progress"]["fraction"]),
        at_rest=run.state in AT_REST,
        limited=_limited(run),
        held_up=_held_up(run),
        took=_took(run),
        range_counts={state.value: counts[state] for state in RangeState},
        chart=chart_of(run.samples),
        events=[
            EventView(at=timestamp(event.at_ms), sentence=sentence_of(event.kind, event.about))
            for event in reversed(events[-EVENTS_SHOWN:])
        ],
        events_before=max(len(events) - EVENTS_SHOWN, 0),
    )


def percent(fraction: float | None) -> str:
    """Rounded down: 100 % is said only when it is true."""
    return "?\u2009%" if fraction is None else f"{int(fraction * 100)}\u2009%"


def _took(run: Run) -> float | None:
    if run.started_ms is None or run.finished_ms is None:
        return None
    return max(run.finished_ms - run.started_ms - run.paused_ms, 0) / 1000


def _limited(run: Run) -> str:
    """The operator's own limit, where it is what holds the run back."""
    limit = run.pace.rows_per_second
    return f"Held to {number(limit)} rows/s by its pace" if run.held_back_by == BY_PACE else ""


def _held_up(run: Run) -> str:
    """What went wrong and is being waited for. A run at rest says it as its error."""
    is_waiting = run.held_back_by not in (None, BY_PACE)
    return f"Held up, and tried again by itself: {run.held_back_by}" if is_waiting else ""
