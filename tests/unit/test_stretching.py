"""The way ahead in stretches: what becomes of one that fails, and of those after it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import cast

from backfill.engine.besides import Stretch
from backfill.engine.guard import guarded
from backfill.engine.lookahead import Batch
from backfill.engine.protocols import Backfill
from backfill.engine.stretching import Stretched, Stretches, way_ahead
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.findings import Rule
from backfill.runs.ranges import Key, Span, Unit

ROWS = 1_000
SPAN = Span(start=None, end=(str(ROWS - 1),))


@dataclass(slots=True)
class Numbers:
    """Rows 0 to 999. A stretch of more than `quick_enough` takes too long, one with `bad` in it fails."""

    quick_enough: int = ROWS
    bad: int | None = None
    asked: list[int] = field(default_factory=list)

    async def settle_stretch(self, after: Key | None, end: Key, *, units: int) -> Stretch:
        first, last = _after(after), min(_after(after) + units, ROWS) - 1
        self.asked.append(units)
        if units > self.quick_enough:
            raise BatchFailed(Failure.TIMEOUT, "too long", sqlstate="57014")
        if self.bad is not None and first <= self.bad <= last:
            raise BatchFailed(Failure.ROW, "bad", sqlstate="22012")
        there = last - first + 1
        return Stretch(units=there, last_key=(str(last),) if there == units else None, written=there)

    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        numbers = range(_after(after), min(_after(after) + units, ROWS))
        return tuple(Unit(id=str(n), key=(str(n),), rows=1, todo=1, settled=False) for n in numbers)


@dataclass(slots=True)
class Named(Numbers):
    name: str = "numbers"
    rules: tuple[Rule, ...] = ()


def _after(key: Key | None) -> int:
    return 0 if key is None else int(key[0]) + 1


async def walked(numbers: Numbers, units: int) -> tuple[list[int], list[str]]:
    """How many rows each stretch had, and the rows that were to be settled by name."""
    stretches, named = list[int](), list[str]()
    ahead = Stretches(numbers, numbers.settle_stretch, SPAN, None, lambda: 0.0)
    while (batch := await ahead.next_batch(units, units)) is not None:
        if isinstance(batch, Stretched):
            stretches.append(batch.stretch.units)
        else:
            assert isinstance(batch, Batch)
            named += [unit.id for unit in batch.units]
    return stretches, named


async def test_every_row_is_in_one_stretch() -> None:
    stretches, named = await walked(Numbers(), 300)

    assert (stretches, named) == ([300, 300, 300, 100], [])


async def test_only_the_rows_of_a_stretch_that_fails_are_settled_by_name() -> None:
    stretches, named = await walked(Numbers(bad=450), 200)

    assert named == [str(number) for number in range(400, 600)]
    assert stretches == [200, 200, 200, 200]


async def test_a_stretch_that_takes_too_long_is_tried_again_half_as_long() -> None:
    numbers = Numbers(quick_enough=60)

    stretches, named = await walked(numbers, 200)

    assert numbers.asked[:4] == [200, 100, 50, 50]
    assert (sum(stretches), max(stretches), named) == (ROWS, 50, [])


async def test_a_definition_behind_the_guard_is_still_settled_in_stretches() -> None:
    numbers = Named()

    ahead = way_ahead(guarded(cast("Backfill", numbers)), SPAN, None, time.monotonic)
    settled = await ahead.next_batch(100, 200)

    assert (type(ahead), type(settled), numbers.asked) == (Stretches, Stretched, [100])
