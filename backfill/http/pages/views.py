"""What a page says of a run besides its JSON: sentences for its state and for what can be done, its ranges counted, its
troubles and its events put together where there are many of one kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backfill.cli.output import number
from backfill.engine.protocols import Event
from backfill.http.pages.chart import Chart, chart_of
from backfill.http.pages.gathering import EventView, Group, gathered, told_together
from backfill.runs.attention import START, attention_of
from backfill.runs.outlook import why_at_rest
from backfill.runs.parameters import in_words
from backfill.runs.ranges import RangeState
from backfill.runs.record import Run, run_document
from backfill.runs.states import ARROWS, AT_REST, State
from backfill.runs.times import clock_time
from backfill.runs.wording import begun
from backfill.shipped import start_a_worker

EVENTS_SHOWN = 50

SENTENCES = {
    State.PROPOSED: "Waiting until somebody else approves it.",
    State.QUEUED: "Waiting for a worker.",
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
_WHY = {(arrow.action, arrow.source): arrow.why for arrow in ARROWS}


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionView:
    """`seconds` is for how long nothing has moved; `command` what mends it, where a command does."""

    kind: str
    what: str
    seconds: float
    remedy: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """`run` is the run's JSON; the rest is what only a page needs.

    `why` is the reason where it rests without success. `actions` are those possible now, each with what it will do.
    `left` are the units that a run at rest has not settled.
    `took` are the seconds from its start to its end without its pauses, None before the end.
    """

    run: dict[str, Any]
    parameters: str
    works: str
    sentence: str
    why: str
    attention: AttentionView | None
    actions: dict[str, str]
    percent: str
    at_rest: bool
    limited: str
    held_up: str
    took: float | None
    left: int | None
    range_counts: dict[str, int]
    chart: Chart | None
    quarantined: list[Group]
    events: list[EventView]
    events_before: int


def view_of(run: Run, events: Sequence[Event] = ()) -> RunView:
    document = run_document(run)
    counts = Counter(run.ranges or ())
    told = told_together(events)
    return RunView(
        run=document,
        parameters=in_words(run.parameters),
        works=run.schedule.words(),
        sentence=f"{begun(run.waits)}." if run.waits else SENTENCES[run.state],
        why=_why(run),
        attention=_attention(run),
        actions={action.value: _WHY[action, run.state] for action in run.actions},
        percent=percent(document["progress"]["fraction"]),
        at_rest=run.state in AT_REST,
        limited=_limited(run),
        held_up=_held_up(run),
        took=_took(run),
        left=document["progress"]["units_left"] if run.state in AT_REST else None,
        range_counts={state.value: counts[state] for state in RangeState},
        chart=chart_of(run.samples),
        quarantined=gathered(run.quarantined),
        events=told[:EVENTS_SHOWN],
        events_before=max(len(told) - EVENTS_SHOWN, 0),
    )


def percent(fraction: float | None) -> str:
    """Rounded down: 100 % is said only when it is true."""
    return "?\u2009%" if fraction is None else f"{int(fraction * 100)}\u2009%"


def _why(run: Run) -> str:
    if run.state in AT_REST and run.state is not State.SUCCEEDED:
        return why_at_rest(run)
    return run.error or ""


def _attention(run: Run) -> AttentionView | None:
    found = attention_of(run)
    if found is None:
        return None
    starts_one = found.remedy == START
    return AttentionView(
        kind=found.kind.value.replace("_", " "),
        what=found.what,
        seconds=max(run.seen_ms - found.since_ms, 0) / 1000,
        remedy=f"{START.rstrip('.')}:" if starts_one else found.remedy,
        command=start_a_worker() if starts_one else "",
    )


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
    if not is_waiting:
        return ""
    since = f" since {clock_time(run.throttled_since_ms)}" if run.throttled_since_ms else ""
    return f"Held up{since}, and tried again by itself: {run.held_back_by}"
