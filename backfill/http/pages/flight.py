"""What the autopilot sees and does, for the page of a run that goes by it."""

from __future__ import annotations

from dataclasses import dataclass

from backfill.runs.pace import AUTOPILOT
from backfill.runs.readings import Reading, in_words
from backfill.runs.record import Run
from backfill.runs.states import AT_REST
from backfill.store.board import Published


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalView:
    """In words; `mark` is empty where there is nothing to say."""

    name: str
    value: str
    limit: str
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightView:
    words: str
    readings: list[SignalView]


def flight_of(run: Run, published: Published) -> FlightView | None:
    """None where there is none to be shown: a fixed pace, or a run at rest."""
    if run.pace.mode != AUTOPILOT or run.state in AT_REST:
        return None
    if not published.is_fresh:
        return FlightView(words="Nobody looks at the database now, so nobody works.", readings=[])
    readings = [Reading(**reading) for reading in published.document.get("readings", [])]
    return FlightView(words=_words(published), readings=[_view(reading) for reading in readings])


def _words(published: Published) -> str:
    if published.stopped_by:
        return f"It stops all work: {published.stopped_by}."
    said = published.document
    lanes = f"It allows {said['effort']:.2f} ranges at once"
    if said.get("slowdown") is None:
        return f"{lanes}."
    return (
        f"{lanes}. Small statements take {said['slowdown']:.2f} times what they take alone, {said['alone_ms']:.2f} ms."
    )


def _view(reading: Reading) -> SignalView:
    unread = f"cannot be read: {reading.unread}"
    mark = "stops" if reading.stops else "warns" if reading.too_much else ""
    return SignalView(
        name=reading.name,
        value=unread if reading.unread else in_words(reading.value, reading.unit),
        limit="" if reading.limit is None else in_words(reading.limit, reading.unit),
        mark=mark,
    )
