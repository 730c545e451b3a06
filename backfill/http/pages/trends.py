"""What the autopilot has seen over the last minutes, as lines with their limits: pace, latency, lag and WAL, one below
the other on one axis of time. The server draws all of it; the script of the page only has it drawn again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from backfill.runs.directive import Sighting
from backfill.runs.limits import MEBIBYTE
from backfill.runs.readings import in_words
from backfill.runs.times import clock_time
from backfill.runs.wording import counted

WIDTH, HEIGHT = 600, 56
# Where nobody has looked for so long, the line has a gap.
GAP_MS = 5_000
HEADROOM = 1.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """`line` and `limit_line` are paths in a box of WIDTH by HEIGHT; the second is empty where there is no limit."""

    name: str
    line: str
    limit_line: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    since: str
    until: str
    rows: list[Trend]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    key: str
    name: str
    in_words: Callable[[float], str]


def _lanes(value: float) -> str:
    return counted(int(value), "range") if value == int(value) else f"{value:.2f} ranges"


def _bytes(value: float, unit: str) -> str:
    """Small ones in KiB, so that a line that moves is not called 0.0 throughout."""
    return in_words(value, unit) if value >= MEBIBYTE else f"{value / 1024:,.0f} KiB{unit.removeprefix('bytes')}"


_ROWS = (
    _Row(key="pace", name="Pace", in_words=_lanes),
    _Row(key="latency", name="Latency", in_words=lambda value: f"{value:.2f} times"),
    _Row(key="lag", name="Lag", in_words=lambda value: _bytes(value, "bytes")),
    _Row(key="wal", name="WAL", in_words=lambda value: _bytes(value, "bytes per second")),
)


def trends_of(history: Sequence[Sighting], *, lanes: int) -> Trends | None:
    """`lanes` are the most that the run may use. None where there is too little for a line."""
    if len(history) < 2:
        return None
    first_ms, last_ms = history[0].at_ms, history[-1].at_ms
    rows = [trend for row in _ROWS if (trend := _trend(row, history, lanes))]
    return Trends(since=clock_time(first_ms), until=clock_time(last_ms), rows=rows)


def _trend(row: _Row, history: Sequence[Sighting], lanes: int) -> Trend | None:
    seen = [(one.at_ms, *_value(row, one, lanes)) for one in history if row.key in one.values or row.key == "pace"]
    if len(seen) < 2:
        return None
    limit = seen[-1][2]
    top = max(*(value for _, value, _ in seen), limit or 0.0, 1e-9) * HEADROOM
    first_ms = history[0].at_ms
    span_ms = max(history[-1].at_ms - first_ms, 1)
    points = [(at_ms, WIDTH * (at_ms - first_ms) / span_ms, HEIGHT * (1 - value / top)) for at_ms, value, _ in seen]
    limit_y = None if limit is None else HEIGHT * (1 - limit / top)
    latest = row.in_words(seen[-1][1])
    highest = row.in_words(max(value for _, value, _ in seen))
    bound = "" if limit is None else f", at most {row.in_words(limit)}"
    return Trend(
        name=row.name,
        line="".join(_path(points)),
        limit_line="" if limit_y is None else f"M0 {limit_y:.1f}H{WIDTH}",
        words=f"{latest}{bound}; the most was {highest}",
    )


def _value(row: _Row, one: Sighting, lanes: int) -> tuple[float, float | None]:
    """A run that is stopped has no pace, whatever it would begin again with."""
    if row.key == "pace":
        return 0.0 if one.stopped else one.effort, float(lanes)
    return one.values[row.key]


def _path(points: Sequence[tuple[int, float, float]]) -> Iterator[str]:
    yield f"M{points[0][1]:.1f} {points[0][2]:.1f}"
    for (before_ms, _, _), (at_ms, x, y) in pairwise(points):
        yield f"{'M' if at_ms - before_ms > GAP_MS else 'L'}{x:.1f} {y:.1f}"
