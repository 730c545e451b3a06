"""What the autopilot sees and does, for the page of a run that goes by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backfill.cli.output import duration
from backfill.http.pages.trends import Trends, trends_of
from backfill.runs.directive import Sighting
from backfill.runs.pace import AUTOPILOT
from backfill.runs.readings import Reading, in_words
from backfill.runs.record import Run
from backfill.runs.states import AT_REST
from backfill.runs.times import clock_time
from backfill.store.board import Published


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalView:
    """In words; `mark` is empty where there is nothing to say."""

    name: str
    value: str
    limit: str
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AutopilotView:
    words: str
    readings: list[SignalView]
    throttled: str = ""
    trends: Trends | None = None


def autopilot_of(run: Run, published: Published, history: Sequence[Sighting] = ()) -> AutopilotView | None:
    """None where there is none to be shown: a fixed pace, or a run at rest."""
    if run.pace.mode != AUTOPILOT or run.state in AT_REST:
        return None
    throttled = f"Held back for {duration(run.throttled_ms / 1000)} in all." if run.throttled_ms >= 1000 else ""
    trends = trends_of(history, lanes=run.pace.parallel)
    if not published.is_fresh:
        words = "Nobody looks at the database now, so nobody works."
        if run.waits:
            words = "Nobody looks at the database outside the run's window."
        return AutopilotView(words=words, readings=[], throttled=throttled, trends=trends)
    since = {stop["name"]: int(stop["since_ms"]) for stop in published.document.get("stops", [])}
    readings = [_view(Reading.of(reading), since) for reading in published.document.get("readings", [])]
    return AutopilotView(words=_words(published), readings=readings, throttled=throttled, trends=trends)


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


def _view(reading: Reading, since: Mapping[str, int]) -> SignalView:
    unread = f"cannot be read: {reading.unread}"
    mark = "stops" if reading.stops else "warns" if reading.too_much else ""
    return SignalView(
        name=reading.name,
        value=unread if reading.unread else in_words(reading.value, reading.unit),
        limit="" if reading.limit is None else in_words(reading.limit, reading.unit),
        mark=f"{mark} since {clock_time(since[reading.name])}" if reading.name in since else mark,
    )
