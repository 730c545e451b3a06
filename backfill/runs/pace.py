"""How fast a run may go: what an operator sets, and the batch size that follows from it and from what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from backfill.runs.errors import UsageError

AUTOPILOT = "autopilot"
FIXED = "fixed"
MODES = (AUTOPILOT, FIXED)
# The most that the autopilot does where nobody has set anything: what a server with two cores can take.
FULL = {"parallel": 2, "target_ms": 50, "pause_ms": 0}
BOUNDS = {
    "parallel": (1, 64),
    "batch_rows": (10, 100_000),
    "target_ms": (5, 5_000),
    "pause_ms": (0, 60_000),
    "rows_per_second": (0, 10_000_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What an operator sets, at any time.

    `parallel` ranges at once over all workers; `batch_rows` rows per transaction at most, fewer where a
    transaction would take longer than `target_ms`; `pause_ms` between two batches of a range;
    `rows_per_second` over all workers, 0 for no limit. `mode`: by the autopilot these are the most that it may do.
    """

    parallel: int
    batch_rows: int
    target_ms: int
    pause_ms: int
    rows_per_second: int
    mode: str = FIXED

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UsageError(f"pace is {self.mode}.", f"Give one of {', '.join(MODES)}.")
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"{name} is {value}.", f"Give a whole number from {low} to {high}.")

    @property
    def rests(self) -> bool:
        """Whether it leaves the server anything. The autopilot decides that from moment to moment."""
        return self.mode == AUTOPILOT or self.pause_ms > 0

    def with_changes(self, changes: Mapping[str, int | None] | Mapping[str, int | str | None]) -> Pace:
        """The same with every change that is not None; UsageError when one is out of bounds."""
        return replace(self, **_given(changes))

    def document(self) -> dict[str, Any]:
        return asdict(self)


def _given(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if value is not None}


FIRST_ROWS = 200
FIRST_ROWS_ALIKE = 1_000
# Below this the costs of a transaction itself would be most of it.
LEAST_ROWS = 50
# Times a batch: a unit up to this size is settled whole. In parts it would take four transactions instead of one.
WHOLE_UNIT = 2
# And up to so many rows however small batches are, where that takes no longer than a batch at full pace: a part of 50
# rows costs more for itself than for its rows. At a target of 5 ms, on two slow cores, units of 100 to 200 rows took
# 11 ms whole and 26 ms in four parts; those of 200 to 400 took 17 ms instead of 46, but one in ten of them 24.
QUICK_UNIT_ROWS = 200
QUICK_UNIT_MS = 50
GROW_AT_MOST = 1.25
SMOOTHING = 0.3
# From this share of its size on a batch is a full one. What a transaction costs for itself is most of the time of a
# smaller one, and ascribed to its rows would make the full ones small.
FULL_FROM = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSize:
    """Rows per transaction that keep to the target time: grows gently, shrinks at once.

    By rows and not by units, because units are skewed. The cost of a row is smoothed over batches, so that one
    slow commit does not halve the speed; a batch that took more than twice the target counts in full.
    """

    rows: int = FIRST_ROWS
    row_ms: float | None = None

    def after(self, rows: int, elapsed_ms: float, *, target_ms: int, most_rows: int) -> BatchSize:
        """The next size, from a batch of that many rows that took so long. One that was not full says nothing, unless
        it was too slow all the same."""
        if rows <= 0 or (rows < FULL_FROM * self.rows and elapsed_ms <= 2 * target_ms):
            return self
        measured = elapsed_ms / rows
        if self.row_ms is None or elapsed_ms > 2 * target_ms:
            row_ms = measured
        else:
            row_ms = self.row_ms + SMOOTHING * (measured - self.row_ms)
        wanted = target_ms / max(row_ms, 1e-6)
        grown = min(wanted, max(self.rows, LEAST_ROWS) * GROW_AT_MOST + 1)
        return BatchSize(rows=min(max(int(grown), LEAST_ROWS), most_rows), row_ms=row_ms)

    def whole_rows(self, most_rows: int) -> int:
        """A unit of up to so many rows is settled whole, in one transaction of `most_rows` at most."""
        quick = min(int(QUICK_UNIT_MS / max(self.row_ms or 0.0, 1e-6)), QUICK_UNIT_ROWS)
        return min(max(self.rows * WHOLE_UNIT, quick), most_rows)

    def by_rows_alike(self, elapsed_ms: float, *, target_ms: int, most_rows: int) -> BatchSize:
        """The next size where rows are alike and cheap, by how long the last ones took: twice or half as many at most.

        What a batch costs for itself, and what a busy machine adds, is most of its time then. Ascribed to its rows it
        would make the next one smaller, which costs as much and does less.
        """
        factor = min(max(target_ms / max(elapsed_ms, 1e-6), 0.5), 2.0)
        return BatchSize(rows=min(max(int(self.rows * factor), LEAST_ROWS), most_rows))
