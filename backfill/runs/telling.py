"""An event of a run as sentences, the same on every screen: what happened, who asked for it, why, and their note."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from backfill.runs.pace import AUTOPILOT
from backfill.runs.states import ARROWS
from backfill.runs.times import clock_time
from backfill.runs.window import FOREVER_MS
from backfill.runs.wording import begun, counted, ended

ENGINE = "engine"
_WHY = {(arrow.action.value, arrow.source.value): arrow.why for arrow in ARROWS}
_ENQUEUED = {"queued": "It waits for a worker.", "proposed": "It waits for the approval of somebody else."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """`who` is empty where nobody asked for it; `why` and `note`, what whoever asked wrote to it, may be."""

    what: str
    who: str = ""
    why: str = ""
    note: str = ""

    def sentence(self) -> str:
        by = f" by {self.who}" if self.who else ""
        note = f"Note: {self.note}" if self.note else ""
        return " ".join(ended(part) for part in (f"{self.what}{by}", self.why, note) if part)


def sentence_of(kind: str, about: Mapping[str, str]) -> str:
    """One line in plain words. `about` is the event's own, as the store keeps it."""
    return told(kind, about).sentence()


def told(kind: str, about: Mapping[str, str]) -> Told:
    """The same in parts. An event of a kind that has no words here is shown as it is."""
    in_words = _WORDS.get(kind)
    return in_words(about) if in_words else Told(what=kind.capitalize(), why=_pairs(about))


def _state(about: Mapping[str, str]) -> Told:
    who, note = about["who"].removeprefix(ENGINE), about["note"]
    why = _WHY.get((about["action"], about["from"])) or _ENQUEUED[about["state"]]
    if who:
        return Told(what=f"{about['state'].capitalize()}, asked for", who=who, why=why, note=note)
    # The engine's own note is its reason: that is why, and not what the table says of the arrow in general.
    return Told(what=about["state"].capitalize(), why=note or why)


def _planned(about: Mapping[str, str]) -> Told:
    rows, units, ranges = (counted(int(about[f"{noun}s"]), noun) for noun in ("row", "unit", "range"))
    return Told(what="Planned", why=f"{rows} in {units}, cut into {ranges}")


def _quarantined(about: Mapping[str, str]) -> Told:
    return Told(what=f"Unit {about['unit']} was quarantined", why=json.loads(about["about"])["error"])


def _pace(about: Mapping[str, str]) -> Told:
    pace = json.loads(about["pace"])
    words = [_PACE_WORDS[name](value) if name in _PACE_WORDS else _pairs({name: value}) for name, value in pace.items()]
    return Told(what="Pace changed", who=about["who"], why=", ".join(words).capitalize(), note=about.get("note", ""))


def _noted(about: Mapping[str, str]) -> Told:
    return Told(what="A note", who=about["who"], why=about["note"])


def _schedule(about: Mapping[str, str]) -> Told:
    after = about["not_before_ms"]
    parts = (
        f"only {about['window']}" if about["window"] else "",
        f"not before {clock_time(int(after))}" if after else "",
    )
    why = ", ".join(part for part in parts if part) or "at any time"
    return Told(what="When it works was changed", who=about["who"], why=begun(why), note=about["note"])


def _window(about: Mapping[str, str]) -> Told:
    until_ms = int(about["until_ms"])
    until = "" if until_ms >= FOREVER_MS else f" until {clock_time(until_ms)}"
    return Told(what=f"{'Within' if about['open'] == '1' else 'Outside'} its window{until}")


def _throttled(about: Mapping[str, str]) -> Told:
    return Told(what="Held up, and tried again", why=about["reason"])


def _hook(about: Mapping[str, str]) -> Told:
    again = "It is not called again." if about["given_up"] == "1" else "It is called again after a while."
    what = f"Hook {about['hook']} failed at try {about['tries']}"
    return Told(what=what, why=f"{ended(about['error'])} {again}")


def _webhook(about: Mapping[str, str]) -> Told:
    again = "It is not sent again." if about["given_up"] == "1" else "It is sent until it is taken."
    return Told(what=f"The webhook has not taken {about['told']}", why=f"{ended(begun(about['error']))} {again}")


def _unthrottled(about: Mapping[str, str]) -> Told:
    return Told(what="Goes on", why=f"What it was held up by is well again: {about['reason']}")


def _takeover(about: Mapping[str, str]) -> Told:
    task = about.get("task", "")
    what = f"Range {task} was taken over" if task.isdecimal() else "Taken over"
    return Told(what=what, why="A worker went silent; another goes on from its last checkpoint.")


def _failover(about: Mapping[str, str]) -> Told:
    ranges, units, rows = (counted(int(about[f"{noun}s"]), noun) for noun in ("range", "unit", "row"))
    again = f"{ranges} with {units} and {rows} done may lack their last commits there, and are looked at again"
    nothing = "What the run has done is all there"
    what = f"The database was failed over, from timeline {about['from']} to {about['timeline']}"
    return Told(what=what, why=nothing if about["ranges"] == "0" else again)


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


_PACE_WORDS: dict[str, Callable[[Any], str]] = {
    "parallel": lambda ranges: f"{counted(ranges, 'range')} at once",
    "batch_rows": lambda rows: f"at most {counted(rows, 'row')} per batch",
    "target_ms": lambda ms: f"about {ms:,} ms per batch",
    "pause_ms": lambda ms: f"{ms:,} ms of rest after a batch" if ms else "no rest after a batch",
    "rows_per_second": lambda rows: f"at most {rows:,} rows/s" if rows else "any number of rows/s",
    "mode": lambda mode: f"by the {mode}" if mode == AUTOPILOT else "as it is set",
}
_WORDS: dict[str, Callable[[Mapping[str, str]], Told]] = {
    "state": _state,
    "planned": _planned,
    "quarantined": _quarantined,
    "pace": _pace,
    "note": _noted,
    "throttled": _throttled,
    "unthrottled": _unthrottled,
    "takeover": _takeover,
    "hook": _hook,
    "webhook": _webhook,
    "schedule": _schedule,
    "window": _window,
    "failover": _failover,
}
