"""Batches by rows: units are read in pages ahead of the cursor and handed out until a batch is full.

Row counts come with the page, so a batch is bounded by rows although it is made of whole units.
They may be stale by the time the batch locks its units; they bound the work, they do not decide it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from worker.runs.ranges import Key, Span, Unit

FIRST_PAGE = 64
LARGEST_PAGE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Units in key order; or one unit, asked for by name, that does not move the cursor and may be gone."""

    units: tuple[Unit, ...]
    named: str | None = None

    @property
    def last_key(self) -> Key | None:
        return self.units[-1].key if self.named is None else None

    @property
    def to_settle(self) -> tuple[str, ...]:
        return tuple(unit.id for unit in self.units if unit.needs_work or self.named is not None)

    def large(self, whole_rows: int) -> Unit | None:
        """The one unit of more than `whole_rows`, which is settled in parts, if this is such a batch."""
        if len(self.units) != 1:
            return None
        only = self.units[0]
        sent_back = only.capped and self.named is not None
        return only if only.is_large(whole_rows) or sent_back else None


class Pages(Protocol):
    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        """As of a backfill."""
        ...


class Lookahead:
    """Reads on from `cursor` to the end of `span`; the page grows while there is nothing to do in it."""

    def __init__(self, backfill: Pages, span: Span, cursor: Key | None) -> None:
        self._backfill = backfill
        self._end = span.end
        self._after = cursor or span.start
        self._waiting: deque[Unit] = deque()
        self._page = FIRST_PAGE
        self._at_end = False

    async def next_batch(self, batch_rows: int, whole_rows: int) -> Batch | None:
        """At least one unit and about `batch_rows` rows to write, or one unit of up to `whole_rows`, or a larger one;
        None at the end of the range."""
        if not self._waiting:
            await self._read_on(batch_rows, whole_rows)
        if not self._waiting:
            return None
        return Batch(units=self._take(batch_rows, whole_rows))

    def _take(self, batch_rows: int, whole_rows: int) -> tuple[Unit, ...]:
        taken = [self._waiting.popleft()]
        if taken[0].is_large(whole_rows):
            return tuple(taken)
        room = batch_rows - taken[0].weight
        while self._waiting and self._waiting[0].weight <= room and not self._waiting[0].is_large(whole_rows):
            unit = self._waiting.popleft()
            room -= unit.weight
            taken.append(unit)
        return tuple(taken)

    async def _read_on(self, batch_rows: int, whole_rows: int) -> None:
        if self._at_end:
            return
        units = await self._backfill.read_page(self._after, self._end, units=self._page, row_cap=whole_rows + 1)
        self._at_end = len(units) < self._page
        if units:
            self._after = units[-1].key
            self._waiting.extend(units)
            self._page = self._next_page_size(units, batch_rows)

    def _next_page_size(self, units: tuple[Unit, ...], batch_rows: int) -> int:
        # A few batches' worth where there is work (counts go stale), as much as is cheap where there is none.
        weight = sum(unit.weight for unit in units)
        if weight == 0:
            return min(self._page * 4, LARGEST_PAGE)
        wanted = 4 * batch_rows * len(units) // weight
        return max(FIRST_PAGE, min(wanted, 2 * self._page, LARGEST_PAGE))
