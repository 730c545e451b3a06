"""What a range remembers of the units that are put aside."""

from __future__ import annotations

import random

from backfill.engine.aside import BACKOFF_FIRST_MS, Aside
from backfill.engine.protocols import Claim, Task
from backfill.runs.pace import Pace
from backfill.runs.ranges import Part

CLAIM = Claim(
    run_id="r",
    backfill="b",
    task=Task.SETTLE,
    token="t",
    pace=Pace(parallel=1, batch_rows=100, target_ms=50, pause_ms=0, rows_per_second=0),
    range_index=3,
)


def test_a_unit_that_was_begun_and_took_too_long_stays_begun_and_counted() -> None:
    aside = Aside(CLAIM, random.Random(1))

    (kept,) = aside.keep_for_parts({"u"}, 5, begun=Part(unit_id="u", mark="m", rows_counted=7))

    assert (kept.begun, kept.rows_counted, kept.in_parts, kept.due_ms) == (True, 7, True, 5)
    assert aside.is_for_parts("u")


def test_a_unit_for_parts_that_is_locked_then_is_put_off_and_still_for_parts() -> None:
    aside = Aside(CLAIM, random.Random(1))
    aside.keep_for_parts({"u"}, 5, begun=None)

    (again,) = aside.put_off({"u"}, 1_000, begun=None)

    assert again.in_parts
    assert again.tries == 2
    assert again.due_ms > 1_000


def test_a_unit_of_which_more_is_settled_each_time_is_never_put_off_for_long() -> None:
    aside = Aside(CLAIM, random.Random(1))

    waits = [
        aside.put_off({"u"}, 1_000, begun=Part(unit_id="u", mark="m", rows_counted=rows))[0].due_ms - 1_000
        for rows in range(100, 2_000, 100)
    ]
    (stuck,) = aside.put_off({"u"}, 1_000, begun=Part(unit_id="u", mark="m", rows_counted=1_900))

    assert max(waits) <= 2 * BACKOFF_FIRST_MS
    assert stuck.tries == 2
