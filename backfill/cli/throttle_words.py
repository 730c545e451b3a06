"""What the autopilot sees and does, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console

from backfill.cli.output import duration
from backfill.cli.rows import print_facts, print_rows
from backfill.runs.directive import SwitchedOff
from backfill.runs.limits import DEFAULT_LIMITS, MEANINGS
from backfill.runs.readings import Reading, in_words
from backfill.runs.servers import all_shown, shown
from backfill.runs.times import clock_time, timestamp
from backfill.store.board import Published, Seen

NOBODY = "It looks at nothing now: no run that goes by the autopilot is at work, or no worker is alive."


def servers_document(seen: Seen, limits: Mapping[str, float], off: Sequence[str]) -> dict[str, Any]:
    """The first server's, and all of them by the names of their databases."""
    documents = [
        {"databases": [*map(shown, server)], **throttle_document(published, limits, off)}
        for server, published in seen.items()
    ]
    first = {name: value for name, value in documents[0].items() if name != "databases"}
    return {**first, "servers": documents}


def print_servers(console: Console, seen: Seen, limits: Mapping[str, float], off: Sequence[str]) -> None:
    for place, (server, published) in enumerate(seen.items()):
        if list(seen) != [("",)]:
            console.print(f"{chr(10) if place else ''}Server of {all_shown(server)}", style="bold")
        print_published(console, published, limits, off)


def throttle_document(published: Published, limits: Mapping[str, float], off: Sequence[str]) -> dict[str, Any]:
    said = published.document
    return {
        "fresh": published.is_fresh,
        "at": timestamp(published.at_ms or None),
        "monitor": published.monitor or None,
        "effort": said.get("effort"),
        "slowdown": said.get("slowdown"),
        "stops": said.get("stops", []),
        "readings": said.get("readings", []),
        "limits": limits_in_force(published, limits),
        "off": [*({"signal": name, "by": "settings"} for name in off), *map(_off_document, published.off)],
    }


def limits_in_force(published: Published, limits: Mapping[str, float]) -> dict[str, float | None]:
    return {**DEFAULT_LIMITS, **limits, **published.limits}


def _off_document(off: SwitchedOff) -> dict[str, Any]:
    return {"signal": off.signal, "by": off.by, "note": off.note, "until": timestamp(off.until_ms or None)}


def print_published(console: Console, published: Published, limits: Mapping[str, float], off: Sequence[str]) -> None:
    if published.is_fresh:
        print_facts(console, list(_facts(published)), indent="")
        rows = [_row(Reading.of(reading)) for reading in published.document.get("readings", [])]
        print_rows(console, [("signal", "", "value", "at most"), *rows])
    else:
        console.print(NOBODY)
    console.print("")
    in_force = limits_in_force(published, limits)
    changed = {**limits, **published.limits}
    lines = [
        (name, "none" if in_force[name] is None else f"{in_force[name]:g}", "*" if name in changed else "", meaning)
        for name, meaning in MEANINGS.items()
    ]
    print_rows(console, [("limit", "", "", "of what; * is not the default"), *lines], right=(1,))
    for name in off:
        console.print(f"{name} is switched off by the settings.")
    for one in published.off:
        until = f" until {clock_time(one.until_ms)}" if one.until_ms else ""
        console.print(f"{one.signal} is switched off by {one.by}{until}: {one.note}")


def _facts(published: Published) -> Iterator[tuple[str, str]]:
    said = published.document
    if published.stopped_by:
        since = duration(max(published.now_ms - published.stopped_since_ms, 0) / 1000)
        yield "stopped by", f"{published.stopped_by}, for {since}"
    for stop in sorted(said.get("stops", []), key=lambda one: int(one["since_ms"]))[1:]:
        reading = Reading.of(stop)
        since = duration(max(published.now_ms - int(stop["since_ms"]), 0) / 1000)
        yield "", f"{reading.sentence}, for {since}"
    yield "effort", f"{said.get('effort', 0):.2f} lanes for {said.get('runs', 0)} run(s)"
    if said.get("slowdown") is not None:
        yield "slowdown", f"{said['slowdown']:.2f} times of {said['alone_ms']:.2f} ms alone, at most 1.25 times"
    yield "seen by", published.monitor


def _row(reading: Reading) -> tuple[str, str, str, str]:
    value = f"cannot be read: {reading.unread}" if reading.unread else in_words(reading.value, reading.unit)
    limit = "" if reading.limit is None else in_words(reading.limit, reading.unit)
    mark = "WARNING" if reading.too_much and reading.warns else "STOP" if reading.stops else ""
    return reading.name, mark, value, limit
