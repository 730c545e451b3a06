"""What a page says of a run besides its JSON: sentences for its state, its ranges counted, its events in words."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.cli.output import number
from worker.engine.protocols import Event
from worker.http.pages.chart import Chart, chart_of
from worker.runs.ranges import RangeState
from worker.runs.record import Run, run_document, timestamp
from worker.runs.states import ARROWS, AT_REST, State

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
_WHY = {(arrow.action.value, arrow.source.value): arrow.why for arrow in ARROWS}
BY_ITSELF = "engine"
BY_PACE = "rows_per_second"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event in words; `who` is empty where nobody asked for it."""

    at: str
    what: str
    who: str
    why: str


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
    events: list[Told]
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
        events=[told(event) for event in reversed(events[-EVENTS_SHOWN:])],
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
    return f"Held to {number(limit)} rows/s by its pace" if run.throttled_by == BY_PACE and not run.done else ""


def _held_up(run: Run) -> str:
    """What went wrong and is being waited for. A run at rest says it as its error."""
    is_waiting = run.throttled_by not in (None, BY_PACE) and run.state not in AT_REST
    return f"Held up, and tried again by itself: {run.throttled_by}" if is_waiting else ""


def told(event: Event) -> Told:
    """An event of a kind that has no words here is shown as it is."""
    in_words = _WORDS.get(event.kind)
    what, why = in_words(event.about) if in_words else (event.kind, _pairs(event.about))
    who = event.about.get("who", "").removeprefix(BY_ITSELF)
    return Told(at=timestamp(event.at_ms) or "", what=what, who=who, why=why)


def _state_words(about: Mapping[str, str]) -> tuple[str, str]:
    before = f"{about['from']} \u2192 " if about["from"] else ""
    why = about["note"] or _WHY.get((about["action"], about["from"]), "It waits for a worker.")
    return f"{before}{about['state']}", why


def _plan_words(about: Mapping[str, str]) -> tuple[str, str]:
    sizes = {name: number(int(about[name])) for name in ("rows", "units", "ranges")}
    return "planned", f"{sizes['rows']} rows in {sizes['units']} units, cut into {sizes['ranges']} ranges."


def _quarantine_words(about: Mapping[str, str]) -> tuple[str, str]:
    return "quarantined", f"{about['unit']}: {json.loads(about['about'])['error']}"


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


_WORDS: dict[str, Callable[[Mapping[str, str]], tuple[str, str]]] = {
    "state": _state_words,
    "planned": _plan_words,
    "quarantined": _quarantine_words,
    "pace": lambda about: ("pace changed", _pairs(json.loads(about["pace"]))),
    "throttled": lambda about: ("held up", about["reason"]),
    "takeover": lambda _about: ("taken over", "A worker went silent; another goes on from its last checkpoint."),
}
