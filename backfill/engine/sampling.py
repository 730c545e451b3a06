"""A sample of a run: real batches all over the key space, each of them rolled back, until the time is up.

    one lane alone -> as many lanes as the pace has -> pages of the verification

A lane takes a few batches at one place and goes on to another, far away. Its batch size finds its way as a run's
does, and is handed on from the one lane to the many. The first batch of a lane is not timed, as its connection has not
seen the statements before. Nor are those that the one lane weighs for their WAL: its first, and the last at each place.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from backfill.engine.checking import first_page_size, most_page_units, next_page_size, page_target_ms
from backfill.engine.lookahead import Batch, Lookahead
from backfill.engine.protocols import Previewable
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.forecast import Sample, Timed
from backfill.runs.pace import BatchSize, Pace
from backfill.runs.ranges import Key, Span, Unit
from backfill.runs.rehearsed import Rehearsed

BATCHES_AT_A_PLACE = 3
# Shares of the time and of the rows at which one lane alone, and then the lanes together, have had theirs.
ALONE_UNTIL = 0.35
TOGETHER_UNTIL = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long the sample may take, in seconds, and how many rows it may write before they are rolled back."""

    seconds: float
    most_rows: int


class _Pages:
    """Pages that are read ahead, with the time that they take."""

    def __init__(self, backfill: Previewable, stopwatch: Callable[[], float]) -> None:
        self._backfill = backfill
        self._stopwatch = stopwatch
        self._units = 0
        self._seconds = 0.0

    @property
    def unit_ms(self) -> float:
        return self._seconds * 1000 / max(self._units, 1)

    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        began = self._stopwatch()
        page = await self._backfill.read_page(after, end, units=units, row_cap=row_cap)
        self._seconds += self._stopwatch() - began
        self._units += len(page)
        return page


@dataclass(slots=True)
class _Place:
    """Where batches are taken from; it remembers how far, so that no row is taken twice."""

    lookahead: Lookahead
    large: str | None = None
    mark: str | None = None


@dataclass(slots=True)
class _Notes:
    """What the lanes write down while they work."""

    alone: list[Timed] = field(default_factory=list)
    together: list[Timed] = field(default_factory=list)
    rehearsed: list[Rehearsed] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    units: int = 0
    contended: int = 0
    too_slow: int = 0
    rows: int = 0

    def sample(self) -> Sample:
        weighed = [one.wal for one in self.rehearsed if one.wal is not None]
        commits = [one.commit_ms for one in self.rehearsed]
        return Sample(
            alone=tuple(self.alone),
            together=tuple(self.together),
            commit_ms=fmean(commits) if commits else None,
            trip_ms=fmean(one.trip_ms for one in self.rehearsed) if self.rehearsed else 0.0,
            units=self.units,
            contended=self.contended,
            too_slow=self.too_slow,
            refused=tuple(self.refused),
            updates=sum(one.updates for one in self.rehearsed),
            hot_updates=sum(one.hot_updates for one in self.rehearsed),
            wal_rows=sum(wal.rows for wal in weighed),
            wal_bytes=sum(wal.bytes for wal in weighed),
            wal_images=sum(wal.images for wal in weighed),
            wal_again_bytes=sum(wal.again_bytes for wal in weighed),
            pages=sum(wal.pages for wal in weighed),
        )


class Sampler:
    """`take` once. Raises BatchFailed for what is not one batch's fault."""

    def __init__(
        self, backfill: Previewable, pace: Pace, spans: Sequence[Span], bounds: Bounds, stopwatch: Callable[[], float]
    ) -> None:
        self._backfill = backfill
        self._pace = pace
        self._bounds = bounds
        self._stopwatch = stopwatch
        self._began = stopwatch()
        self._pages = _Pages(backfill, stopwatch)
        self._spans = spread_out(spans)
        self._places = deque(_Place(Lookahead(self._pages, span, None)) for span in self._spans)
        self._notes = _Notes()

    async def take(self, *, writes: bool) -> Sample:
        """Without `writes` only pages are read, those of the verification among them."""
        if writes:
            await self._batches()
        else:
            await self._walk()
        checked = await self._check_pages()
        seconds = self._stopwatch() - self._began
        return replace(self._notes.sample(), seconds=seconds, page_unit_ms=self._pages.unit_ms, **checked)

    async def _walk(self) -> None:
        """A run passes what is settled by its pages alone."""
        for span in self._spans[:BATCHES_AT_A_PLACE]:
            await self._pages.read_page(span.start, span.end, units=most_page_units(self._backfill), row_cap=1)

    async def _batches(self) -> None:
        if self._pace.parallel == 1:
            await self._lane(self._notes.alone, BatchSize(), TOGETHER_UNTIL, weighs=True)
            return
        size = await self._lane(self._notes.alone, BatchSize(), ALONE_UNTIL, weighs=True)
        lanes = range(self._pace.parallel)
        await asyncio.gather(*(self._lane(self._notes.together, size, TOGETHER_UNTIL, weighs=False) for _ in lanes))

    async def _lane(self, timed: list[Timed], size: BatchSize, until: float, *, weighs: bool) -> BatchSize:
        """The size that it came to."""
        turns = 0
        while self._places and not self._is_over(until, timed):
            place = self._places.popleft()
            for number in range(BATCHES_AT_A_PLACE):
                weigh = weighs and (not turns or number == BATCHES_AT_A_PLACE - 1)
                asked = min(size.rows, self._pace.batch_rows)
                one = await self._turn(place, asked, weigh=weigh)
                turns += 1
                if one is None:
                    break
                if turns > 1 and one.wal is None and one.written:
                    timed.append(Timed(asked=asked, rows=one.written, ms=one.ms + one.commit_ms))
                    size = self._next_size(size, timed[-1])
                if self._is_over(until, timed):
                    break
            else:
                self._places.append(place)
        return size

    def _next_size(self, size: BatchSize, batch: Timed) -> BatchSize:
        pace = self._pace
        return size.after(batch.rows, batch.ms, target_ms=pace.target_ms, most_rows=pace.batch_rows)

    async def _turn(self, place: _Place, asked: int, *, weigh: bool) -> Rehearsed | None:
        """One transaction; None at the end of the place, or where it failed."""
        try:
            one = await self._next(place, asked, weigh=weigh)
        except BatchFailed as failed:
            self._note_failure(failed)
            return None
        if one is not None:
            self._notes.rehearsed.append(one)
            self._notes.contended += one.contended
            self._notes.rows += one.updates
            for refusal in tuple(one.refused.values())[:1]:  # of a batch one, as of a batch that fails
                self._note_failure(refusal)
        return one

    async def _next(self, place: _Place, asked: int, *, weigh: bool) -> Rehearsed | None:
        if place.large is None:
            batch = await self._batch_with_work(place, asked)
            if batch is None:
                return None
            large = batch.large(self._whole_rows(asked))
            if large is None:
                self._notes.units += len(batch.to_settle)
                return await self._backfill.rehearse(batch.to_settle, weigh=weigh)
            place.large, place.mark = large.id, None
            self._notes.units += 1
        part = await self._backfill.rehearse_part(place.large, place.mark, rows=asked)
        place.mark = part.mark
        place.large = place.large if part.mark is not None else None
        return part

    async def _batch_with_work(self, place: _Place, asked: int) -> Batch | None:
        while not self._is_over(TOGETHER_UNTIL, ()):
            batch = await place.lookahead.next_batch(asked, self._whole_rows(asked))
            if batch is None or batch.to_settle:
                return batch
        return None

    def _whole_rows(self, asked: int) -> int:
        return BatchSize(rows=asked).whole_rows(self._pace.batch_rows)

    def _note_failure(self, failed: BatchFailed) -> None:
        match failed.failure:
            case Failure.CONTENTION:
                self._notes.contended += 1
            case Failure.TIMEOUT:
                self._notes.too_slow += 1
            case Failure.ROW:
                by_server = f" ({failed.sqlstate})" if failed.sqlstate else ""
                self._notes.refused.append(failed.message + by_server)
            case _:
                raise failed

    def _is_over(self, share: float, timed: Sequence[Timed]) -> bool:
        """A server that is so slow that there is nothing to go by yet gets as much time again."""
        elapsed = self._stopwatch() - self._began
        allowed = share * self._bounds.seconds if timed else (share + 1) * self._bounds.seconds
        return elapsed >= allowed or self._notes.rows >= share * self._bounds.most_rows

    async def _check_pages(self) -> dict[str, Any]:
        """What a lane takes to verify a unit in pages that find their size as a run's do, and the size they came to."""
        until = self._stopwatch() + (1 - TOGETHER_UNTIL) * self._bounds.seconds
        spans, pages = deque(self._spans), list[tuple[int, float]]()
        lanes = range(self._pace.parallel)
        sizes = await asyncio.gather(*(self._check_lane(spans, until, pages) for _ in lanes))
        units = sum(units for units, _ in pages)
        if not units:
            return {}
        return {"check_unit_ms": sum(ms for _, ms in pages) / units, "check_page_units": max(sizes)}

    async def _check_lane(self, spans: deque[Span], until: float, pages: list[tuple[int, float]]) -> int:
        size = first_page_size(self._backfill)
        while spans and (not pages or self._stopwatch() < until):
            span = spans.popleft()
            after = span.start
            for _ in range(BATCHES_AT_A_PLACE):
                began = self._stopwatch()
                page = await self._backfill.check_page(after, span.end, units=size.rows)
                ms = (self._stopwatch() - began) * 1000
                pages.append((page.units, ms))
                size = next_page_size(self._backfill, size, ms, target_ms=page_target_ms(self._pace))
                after = page.last_key
                if after is None:
                    break
        return size.rows


def spread_out(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The same in an order of which every beginning is spread over all: the first, the middle, the quarters, ..."""
    digits = max(len(spans) - 1, 1).bit_length()
    order = sorted(range(len(spans)), key=lambda number: int(f"{number:0{digits}b}"[::-1], 2))
    return tuple(spans[number] for number in order)
