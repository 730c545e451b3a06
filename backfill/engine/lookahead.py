"""Batches by rows: units are read in pages ahead of the cursor and handed out until a batch is full.

Row counts come with the page, so a batch is bounded by rows although it is made of whole units.
They may be stale by the time the batch locks its units; they bound the work, they do not decide it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Protocol

from backfill.engine.besides import besides
from backfill.runs.failures import BatchFailed
from backfill.runs.ranges import Key, Passed, Span, Unit

FIRST_PAGE = 64
LARGEST_PAGE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Units in key order; or units that were asked for by name, which do not move the cursor and may be gone.

    `failed` is why the one that is named could not even be read.
    """

    units: tuple[Unit, ...]
    named: tuple[str, ...] = ()
    failed: BatchFailed | None = None

    @property
    def last_key(self) -> Key | None:
        return None if self.named or not self.units else self.units[-1].key

    @property
    def to_settle(self) -> tuple[str, ...]:
        return tuple(unit.id for unit in self.units if unit.needs_work or self.named)

    @property
    def gone(self) -> tuple[str, ...]:
        """Deleted since they were put aside."""
        there = {unit.id for unit in self.units}
        return () if self.failed else tuple(unit_id for unit_id in self.named if unit_id not in there)

    def without(self, left: Collection[str]) -> Batch:
        """What comes before the first of the units that nothing was done to; of named ones, the others."""
        if self.named:
            units = tuple(unit for unit in self.units if unit.id not in left)
            return replace(self, units=units, named=tuple(name for name in self.named if name not in left))
        return replace(self, units=tuple(takewhile(lambda unit: unit.id not in left, self.units)))

    def large(self, whole_rows: int) -> Unit | None:
        """The one unit of more than `whole_rows`, which is settled in parts, if this is such a batch."""
        if len(self.units) != 1:
            return None
        only = self.units[0]
        sent_back = only.capped and bool(self.named)
        return only if only.is_large(whole_rows) or sent_back else None


def take(waiting: deque[Unit], batch_rows: int, is_large: Callable[[Unit], bool]) -> tuple[Unit, ...]:
    """Off the beginning of `waiting`, what fits into a batch and is not large; at least one, whatever it is."""
    taken = [waiting.popleft()]
    if is_large(taken[0]):
        return tuple(taken)
    room = batch_rows - taken[0].weight
    while waiting and waiting[0].weight <= room and not is_large(waiting[0]):
        unit = waiting.popleft()
        room -= unit.weight
        taken.append(unit)
    return tuple(taken)


class Pages(Protocol):
    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        """As of a backfill."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """How a range is read ahead: so many units next, and whether there was nothing to do in those before."""

    page: int = FIRST_PAGE
    idle: bool = False


class Lookahead:
    """Reads on from `cursor` to the end of `span`; the page grows while there is nothing to do in it."""

    def __init__(self, backfill: Pages, span: Span, cursor: Key | None, *, ahead: Ahead | None = None) -> None:
        self._backfill = backfill
        self._end = span.end
        self._after = cursor or span.start
        self._waiting: deque[Unit] = deque()
        self.ahead = ahead or Ahead()
        self._at_end = False
        self._idle = False

    async def next_batch(self, batch_rows: int, whole_rows: int) -> Batch | None:
        """At least one unit and about `batch_rows` rows to write, or one unit of up to `whole_rows`, or a larger one;
        None at the end of the range."""
        if not self._waiting:
            await self._read_on(batch_rows, whole_rows)
        if not self._waiting:
            return None
        if self._idle:  # nothing to do in the whole page, which need not be looked at unit by unit
            units, self._idle = tuple(self._waiting), False
            self._waiting.clear()
            return Batch(units=units)
        return Batch(units=take(self._waiting, batch_rows, lambda unit: unit.is_large(whole_rows)))

    async def next_settled(self) -> Passed | None:
        """The next page as a whole, where the one before had nothing to do and this has nothing either."""
        passing = besides(self._backfill, "pass_settled")
        if self._waiting or self._at_end or not self.ahead.idle or passing is None:
            return None
        page = self.ahead.page
        passed = await passing.pass_settled(self._after, self._end, units=page)
        if passed is None:
            self.ahead = replace(self.ahead, idle=False)
            return None
        self._at_end = passed.units < page
        self._after = passed.last_key or self._end
        self.ahead = Ahead(page=self._next_page_size(passed.units, 0, 0), idle=True)
        return passed if passed.units else None

    def put_back(self, units: Sequence[Unit]) -> None:
        """The last ones of the batch that was handed out last."""
        self._idle = False
        self._waiting.extendleft(reversed(units))

    async def _read_on(self, batch_rows: int, whole_rows: int) -> None:
        if self._at_end:
            return
        page = self.ahead.page
        units = await self._backfill.read_page(self._after, self._end, units=page, row_cap=whole_rows + 1)
        self._at_end = len(units) < page
        if units:
            self._after = units[-1].key
            self._waiting.extend(units)
            weight = sum(unit.weight for unit in units)
            self._idle = weight == 0
            self.ahead = Ahead(page=self._next_page_size(len(units), weight, batch_rows), idle=self._idle)

    def _next_page_size(self, units: int, weight: int, batch_rows: int) -> int:
        # A few batches' worth where there is work (counts go stale), as much as is cheap where there is none.
        if weight == 0:
            return min(self.ahead.page * 4, LARGEST_PAGE)
        wanted = 4 * batch_rows * units // weight
        return max(FIRST_PAGE, min(wanted, 2 * self.ahead.page, LARGEST_PAGE))
