"""Units become batches by rows: small ones together, one of up to twice a batch whole, a larger one by itself."""

from __future__ import annotations

import pytest

from backfill.engine.lookahead import Batch, Lookahead
from backfill.runs.ranges import Key, Span, Unit

BATCH_ROWS, WHOLE_ROWS = 100, 200


def unit(todo: int, *, capped: bool = False) -> Unit:
    return Unit(id="unit", key=("2026-01-01", "unit"), rows=todo, todo=todo, settled=False, capped=capped)


@pytest.mark.parametrize(
    ("only", "in_parts"),
    [
        (unit(BATCH_ROWS), False),
        (unit(WHOLE_ROWS), False),
        (unit(WHOLE_ROWS + 1), True),
        (unit(WHOLE_ROWS, capped=True), True),
    ],
    ids=["a batch", "twice a batch", "a row more", "more than were counted"],
)
def test_only_a_unit_of_more_than_may_be_settled_whole_is_settled_in_parts(only: Unit, in_parts: bool) -> None:
    assert (Batch(units=(only,)).large(WHOLE_ROWS) is only) is in_parts


class Pages:
    """So many units of which each has as much to do as is said, in one page."""

    def __init__(self, count: int, only: Unit) -> None:
        self._units = (only,) * count

    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        page, self._units = self._units[:units], self._units[units:]
        return page


@pytest.mark.parametrize(("todo", "units"), [(0, 25), (1, 25), (10, 2)])
async def test_a_batch_is_full_when_so_many_rows_are_locked_of_which_an_empty_unit_has_its_own(
    todo: int, units: int
) -> None:
    lookahead = Lookahead(Pages(60, unit(todo)), Span(start=None, end=("infinity", "")), None)

    batch = await lookahead.next_batch(25, 50)

    assert batch is not None
    assert len(batch.units) == units
