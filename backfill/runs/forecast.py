"""How long a run will take: the arithmetic from a small sample of its batches to the whole.

A batch costs something for itself and something for every row in it. What the two are is fitted to the batches of the
sample, once for a lane that worked alone and once for as many lanes as the pace has at once; then the run is played
through with the batch size that a run would have. Every answer is a range: the middle is what the sample says, and
the width is how much its batches differed, and what a sample cannot know.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev
from typing import Any

PAGE_BYTES = 8192

# What differs between two runs on the same data however well the sample was taken: caches, checkpoints, neighbours.
LEAST_WIDTH = 1.25
WIDEST = 3.0
# Played through batch by batch until here; the size has settled long before.
BATCHES_PLAYED = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A range, and what is most likely in it."""

    low: float
    middle: float
    high: float

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(low=self.low + other.low, middle=self.middle + other.middle, high=self.high + other.high)

    def times(self, factor: float) -> Estimate:
        return Estimate(low=self.low * factor, middle=self.middle * factor, high=self.high * factor)

    def at_least(self, least: float) -> Estimate:
        return Estimate(low=max(self.low, least), middle=max(self.middle, least), high=max(self.high, least))

    def document(self, digits: int = 0) -> dict[str, Any]:
        numbers = {"low": self.low, "middle": self.middle, "high": self.high}
        return {name: round(value, digits) if digits else round(value) for name, value in numbers.items()}


NOTHING = Estimate(low=0, middle=0, high=0)

# A run keeps at it: the pages that it has changed are written back, and checkpoints come. A sample of seconds sees
# little of that.
LASTING = Estimate(low=0.95, middle=1.2, high=1.6)
# A checkpoint in Redis follows every transaction but very short ones, and a preview asks no Redis. It is a small script
# there, so it is taken for so many of the small statements that were timed here, on a machine as busy.
CHECKPOINT_TRIPS = Estimate(low=1.0, middle=2.0, high=4.0)
LEAST_TRIP_MS = 0.5
# A run is taken up by a worker that polls its queue; lanes that found nothing free are rung for once a second, when
# the plan is there and again when verification begins.
HANDOVER_SECONDS = Estimate(low=0.1, middle=0.6, high=1.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One batch of the sample: it was allowed `asked` rows, wrote `rows` and took `ms` with the flush of a commit."""

    asked: int
    rows: int
    ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCost:
    """What a batch of so many rows takes, how far those of the sample were off, and how sure the mean is."""

    fixed_ms: float
    row_ms: float
    off_ms: tuple[float, ...] = (0.0,)
    width: float = LEAST_WIDTH

    def ms(self, rows: float) -> float:
        return self.fixed_ms + self.row_ms * rows

    def off(self, number: int) -> float:
        """A stall is as long for a small batch as for a large one, and shrinks the next."""
        return self.off_ms[number % len(self.off_ms)]


def fit(batches: Sequence[Timed]) -> BatchCost | None:
    """Least squares with neither part below nil; None without a batch that wrote rows."""
    wrote = [batch for batch in batches if batch.rows > 0]
    if not wrote:
        return None
    rows, ms = fmean(b.rows for b in wrote), fmean(b.ms for b in wrote)
    squares = sum((b.rows - rows) ** 2 for b in wrote)
    slope = sum((b.rows - rows) * (b.ms - ms) for b in wrote) / squares if squares else 0.0
    if not 0 < slope <= ms / rows:
        slope = ms / rows
    cost = BatchCost(fixed_ms=max(ms - slope * rows, 0.0), row_ms=slope)
    factors = tuple(batch.ms / max(cost.ms(batch.rows), 1e-6) for batch in wrote)
    off_ms = tuple(batch.ms - cost.ms(batch.rows) for batch in wrote)
    return replace(cost, off_ms=off_ms, width=_width(factors))


def _width(factors: Sequence[float]) -> float:
    """Twice the standard error of the mean, as a factor; one batch alone says nothing about the others."""
    if len(factors) < 2:
        return 2.0
    error = stdev(factors) / math.sqrt(len(factors))
    return min(max(1 + 2 * error, LEAST_WIDTH), WIDEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was measured: times in milliseconds, `alone` by one lane, `together` by as many as the pace has.

    `trip_ms` is a small statement's way there and back; `check_unit_ms` is what a lane takes to verify a unit, of the
    `check_page_units` of a page,
    `page_unit_ms` to read one ahead; `updates` are the dead rows that the sample leaves for vacuum. `wal_rows` were
    weighed, with `wal_images` of whole pages the first time, and hardly any when it was done again; they were on
    `pages`.
    """

    alone: tuple[Timed, ...] = ()
    together: tuple[Timed, ...] = ()
    commit_ms: float | None = None
    trip_ms: float = 0.0
    page_unit_ms: float = 0.0
    check_unit_ms: float | None = None
    check_page_units: int = 0
    seconds: float = 0.0
    units: int = 0
    contended: int = 0
    too_slow: int = 0
    refused: tuple[str, ...] = ()
    updates: int = 0
    hot_updates: int = 0
    wal_rows: int = 0
    wal_bytes: int = 0
    wal_images: int = 0
    wal_again_bytes: int = 0
    pages: int = 0

    @property
    def rows(self) -> int:
        return sum(batch.rows for batch in self.alone + self.together)

    @property
    def hot_share(self) -> float | None:
        return self.hot_updates / self.updates if self.updates else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What there is, and what is left of it to do.

    Bytes are those of the tables that are written, on disk; `hot_possible`: no index is on a column that is written.
    """

    units: int
    rows: int
    units_left: int
    rows_left: int
    is_estimate: bool
    table_bytes: int = 0
    index_bytes: int = 0
    hot_possible: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Seconds of each phase, rows per batch and per second once the size has settled, bytes written and grown by."""

    planning: Estimate
    settling: Estimate
    verifying: Estimate
    batch_rows: int
    batch_ms: float
    rows_per_second: float
    gain: float | None
    wal_bytes: Estimate | None
    growth_bytes: Estimate | None
    phases: tuple[str, ...] = field(default=("planning", "settling", "verifying"), init=False)

    @property
    def seconds(self) -> Estimate:
        return self.planning + self.settling + self.verifying

    def document(self) -> dict[str, Any]:
        return {
            "seconds": self.seconds.document(1),
            "phases": {name: getattr(self, name).document(1) for name in self.phases},
            "batch_rows": self.batch_rows,
            "batch_ms": round(self.batch_ms, 1),
            "rows_per_second": round(self.rows_per_second, 1),
            "gain_of_parallel": None if self.gain is None else round(self.gain, 2),
            "wal_bytes": None if self.wal_bytes is None else self.wal_bytes.document(),
            "growth_bytes": None if self.growth_bytes is None else self.growth_bytes.document(),
        }
