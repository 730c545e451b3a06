"""Units become batches by rows: small ones together, one of up to twice a batch whole, a larger one by itself."""

from __future__ import annotations

import pytest

from worker.engine.lookahead import Batch
from worker.runs.ranges import Unit

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
