"""Settling a range without reading it first: for units of one row each, names cost more than the rows themselves.

A stretch is a transaction on the next units, whatever they are. Where one fails, its units are read and settled by
name, so that what is wrong with one of them is found as for any other backfill.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from backfill.engine.besides import Stretch, besides
from backfill.engine.lookahead import Ahead, Batch, Lookahead, Pages
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.ranges import Key, Span, Unit

MUCH_QUICKER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretched:
    """A stretch that is settled: it moves the cursor to `key`, and took so long."""

    stretch: Stretch
    key: Key
    elapsed_ms: float


class Stretches:
    """The way ahead in place of a `Lookahead`: stretches, and batches of named units where a stretch has failed."""

    def __init__(
        self,
        backfill: Pages,
        settle_stretch: Callable[..., Awaitable[Stretch]],
        span: Span,
        cursor: Key | None,
        stopwatch: Callable[[], float],
    ) -> None:
        self._backfill = backfill
        self._settle = settle_stretch
        self._after = cursor or span.start
        self._end = span.end
        self._stopwatch = stopwatch
        self._by_name: Lookahead | None = None
        self._named_left = 0
        self._most: int | None = None
        self._too_long_ms = 0.0
        self._at_end = False

    async def next_batch(self, batch_rows: int, whole_rows: int) -> Batch | Stretched | None:
        """None at the end of the range."""
        while not self._at_end:
            if self._by_name is None:
                stretched = await self._next_stretch(batch_rows)
                if stretched is not None:
                    return stretched
            else:
                batch = await self._next_named(self._by_name, batch_rows, whole_rows)
                if batch is not None:
                    return batch
        return None

    async def _next_stretch(self, units: int) -> Stretched | None:
        """None where there is none any more, or where it failed: then its units are next by name. One that took too
        long is tried again half as large, and those after it are no larger until they are much quicker."""
        began, units = self._stopwatch(), min(units, self._most or units)
        try:
            stretch = await self._settle(self._after, self._end, units=units)
        except BatchFailed as failed:
            if failed.failure not in (Failure.CONTENTION, Failure.TIMEOUT, Failure.ROW):
                raise
            if failed.failure is Failure.TIMEOUT and units > 1:
                self._most, self._too_long_ms = units // 2, self._ms_since(began)
                return None
            self._by_name = Lookahead(self._backfill, Span(start=self._after, end=self._end), self._after)
            self._named_left = units
            return None
        elapsed_ms = self._ms_since(began)
        if self._most is not None and elapsed_ms < self._too_long_ms / MUCH_QUICKER:
            self._most *= 2
        self._at_end = stretch.last_key is None
        self._after = stretch.last_key or self._end
        return Stretched(stretch=stretch, key=self._after, elapsed_ms=elapsed_ms) if stretch.units else None

    async def _next_named(self, lookahead: Lookahead, batch_rows: int, whole_rows: int) -> Batch | None:
        if self._named_left <= 0:
            self._by_name = None
            return None
        batch = await lookahead.next_batch(min(batch_rows, self._named_left), whole_rows)
        self._at_end = batch is None
        if batch is not None:
            self._named_left -= len(batch.units)
            self._after = batch.units[-1].key
        return batch

    def _ms_since(self, began: float) -> float:
        return (self._stopwatch() - began) * 1000

    def put_back(self, units: Sequence[Unit]) -> None:
        """They come next, by name."""
        if self._by_name is not None:
            self._by_name.put_back(units)
            self._named_left += len(units)


def way_ahead(
    backfill: Pages, span: Span, cursor: Key | None, stopwatch: Callable[[], float], *, ahead: Ahead | None = None
) -> Lookahead | Stretches:
    """`ahead` is how a `Lookahead` begins to read."""
    if stretching := besides(backfill, "settle_stretch"):
        return Stretches(backfill, stretching.settle_stretch, span, cursor, stopwatch)
    return Lookahead(backfill, span, cursor, ahead=ahead)
