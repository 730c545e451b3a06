"""Hard stops: they begin at once, and end when the reading has been well below its limit for a while.

A signal that flaps would have the work begin and end with it. So a stop that comes back soon after it has ended is held
longer, twice as long each time, up to a minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from backfill.runs.readings import Reading

# Well again is below this share of the limit.
WELL = 0.8
HOLD_MS = 3_000
LONGEST_HOLD_MS = 60_000
SOON_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """`since_ms` is when it began; `well_ms` since when its reading is well again; over at `over_ms`, kept for a while
    so that the next one of its name knows how long this one was held."""

    reading: Reading
    since_ms: int
    hold_ms: int
    well_ms: int | None = None
    over_ms: int | None = None

    @property
    def holds(self) -> bool:
        return self.over_ms is None


Stops = Mapping[str, Stop]


def next_stops(stops: Stops, readings: Iterable[Reading], now_ms: int) -> Stops:
    """Those that hold, and those that are over and not yet forgotten. What is no longer read is well."""
    read = {reading.name: reading for reading in readings}
    found: dict[str, Stop] = {}
    for name in sorted({*stops, *(name for name, reading in read.items() if reading.stops)}):
        stop = _next(stops.get(name), read.get(name), now_ms)
        if stop is not None:
            found[name] = stop
    return found


def _next(stop: Stop | None, reading: Reading | None, now_ms: int) -> Stop | None:
    if reading is not None and reading.stops:
        return _begun(stop, reading, now_ms)
    if stop is None:
        return None
    if stop.over_ms is not None:
        return stop if now_ms - stop.over_ms < SOON_MS else None
    if reading is not None and (reading.warns or reading.limit is None) and not reading.unread:
        return replace(stop, reading=reading, over_ms=now_ms)  # its limit was taken away: nothing to wait for
    if reading is not None and reading.share > WELL:
        # Below its limit it is the growth that says why it stops, also when that has come to an end with the work.
        told = replace(reading, growth=reading.growth or stop.reading.growth)
        return replace(stop, reading=told, well_ms=None)
    well_ms = now_ms if stop.well_ms is None else stop.well_ms
    over = now_ms if now_ms - well_ms >= stop.hold_ms else None
    return replace(stop, reading=reading or stop.reading, well_ms=well_ms, over_ms=over)


def _begun(stop: Stop | None, reading: Reading, now_ms: int) -> Stop:
    if stop is None:
        return Stop(reading=reading, since_ms=now_ms, hold_ms=HOLD_MS)
    if stop.holds:
        return replace(stop, reading=reading, well_ms=None)
    return Stop(reading=reading, since_ms=now_ms, hold_ms=min(2 * stop.hold_ms, LONGEST_HOLD_MS))
