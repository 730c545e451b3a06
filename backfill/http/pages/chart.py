"""The throughput of a run as one line: rows per second between each two samples, of the last minute at most.

The script of the page goes on drawing where this one stops, by the same rules, so a page that is loaded anew looks
as it did before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, log10

from backfill.runs.progress import Sample

LONGEST_MS, SHORTEST_MS = 60_000, 15_000
WIDTH, HEIGHT = 600, 120
ROUND_STEPS = (1, 1.5, 2, 3, 4, 6, 8, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`line` and `area` are points in a box of WIDTH by HEIGHT whose upper edge is `top` rows per second.

    `seconds` is how long ago its left edge is; `samples` are pairs of epoch ms and rows done, for the script.
    """

    line: str
    area: str
    top: int
    seconds: int
    highest: int
    latest: int
    samples: list[tuple[int, int]]


def chart_of(samples: Sequence[Sample]) -> Chart | None:
    """None when there are too few samples for a line."""
    kept = sorted((sample.at_ms, sample.rows_done) for sample in samples)
    kept = [(at_ms, rows) for at_ms, rows in kept if at_ms >= kept[-1][0] - LONGEST_MS]
    rates = [
        (at_ms, max(rows - rows_before, 0) * 1000 / (at_ms - before_ms))
        for (before_ms, rows_before), (at_ms, rows) in pairwise(kept)
        if at_ms > before_ms
    ]
    if len(rates) < 2:
        return None
    highest = max(rate for _, rate in rates)
    top = round_up(highest)
    now_ms = rates[-1][0]
    span_ms = max(now_ms - rates[0][0], SHORTEST_MS)
    places = [(WIDTH * (1 - (now_ms - at_ms) / span_ms), HEIGHT * (1 - rate / top)) for at_ms, rate in rates]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return Chart(
        line=line,
        area=f"{places[0][0]:.1f},{HEIGHT} {line} {places[-1][0]:.1f},{HEIGHT}",
        top=top,
        seconds=round(span_ms / 1000),
        highest=round(highest),
        latest=round(rates[-1][1]),
        samples=kept,
    )


def round_up(value: float) -> int:
    """The next of 10, 15, 20, 30, 40, 60, 80, 100, 150, ..."""
    unit = int(10 ** floor(log10(max(value, 10))))
    return int(next(step * unit for step in ROUND_STEPS if step * unit >= value))
