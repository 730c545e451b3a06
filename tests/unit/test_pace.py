"""The batch size follows the target time: gently up, at once down, never out of bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.runs.errors import UsageError
from backfill.runs.pace import AUTOPILOT, GROW_AT_MOST, LEAST_ROWS, BatchSize, Pace

TARGET_MS = 50
MOST_ROWS = 5_000

durations = st.floats(min_value=0.01, max_value=60_000)


def pace(**changes: int) -> Pace:
    return Pace(parallel=2, batch_rows=1000, target_ms=50, pause_ms=0, rows_per_second=0).with_changes(changes)


def after_batches(row_ms: float, batches: int, size: BatchSize | None = None) -> BatchSize:
    size = size or BatchSize()
    for _ in range(batches):
        size = size.after(size.rows, size.rows * row_ms, target_ms=TARGET_MS, most_rows=MOST_ROWS)
    return size


@given(st.lists(st.tuples(st.integers(0, 10_000), durations), max_size=50))
def test_the_size_stays_within_its_bounds(batches: list[tuple[int, float]]) -> None:
    size = BatchSize()

    for rows, elapsed_ms in batches:
        before = size.rows
        size = size.after(rows, elapsed_ms, target_ms=TARGET_MS, most_rows=MOST_ROWS)
        assert LEAST_ROWS <= size.rows <= MOST_ROWS
        assert size.rows <= before * GROW_AT_MOST + 1


@given(st.floats(min_value=0.02, max_value=0.4))
def test_the_size_settles_where_a_batch_takes_the_target_time(row_ms: float) -> None:
    size = after_batches(row_ms, 60)

    assert size.rows * row_ms == pytest.approx(TARGET_MS, abs=row_ms + 1)


def test_one_batch_of_more_than_twice_the_target_shrinks_the_next_at_once() -> None:
    size = after_batches(0.05, 60)

    slow = size.after(size.rows, 500, target_ms=TARGET_MS, most_rows=MOST_ROWS)

    assert slow.rows == pytest.approx(size.rows / 10, rel=0.01)


def test_a_slightly_slow_batch_changes_little() -> None:
    size = after_batches(0.05, 60)

    slower = size.after(size.rows, 60, target_ms=TARGET_MS, most_rows=MOST_ROWS)

    assert 0.9 * size.rows < slower.rows < size.rows


def test_a_batch_without_rows_says_nothing() -> None:
    assert BatchSize().after(0, 1_000, target_ms=TARGET_MS, most_rows=MOST_ROWS) == BatchSize()


def test_batches_that_are_not_full_do_not_make_the_full_ones_small() -> None:
    """Each costs 10 ms for itself, and every second one is what was left before a large unit."""
    size = BatchSize()

    for number in range(60):
        rows = size.rows if number % 2 else 20
        size = size.after(rows, 10 + rows * 0.1, target_ms=TARGET_MS, most_rows=MOST_ROWS)

    assert 10 + size.rows * 0.1 == pytest.approx(TARGET_MS, rel=0.05)


def test_one_that_is_not_full_and_too_slow_all_the_same_shrinks_the_next() -> None:
    assert BatchSize(rows=400).after(100, 500, target_ms=TARGET_MS, most_rows=MOST_ROWS).rows < 100


@pytest.mark.parametrize("name", ["parallel", "batch_rows", "target_ms", "pause_ms", "rows_per_second"])
def test_a_pace_out_of_bounds_is_refused_by_name(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        pace(**{name: -1})


def test_changes_that_are_none_leave_the_pace_as_it_is() -> None:
    assert pace().with_changes({"parallel": 4, "pause_ms": None}) == pace(parallel=4)


def test_where_rows_are_alike_one_slow_batch_halves_the_size_and_a_quick_one_doubles_it() -> None:
    size = BatchSize(rows=2_000)

    slow = size.by_rows_alike(900, target_ms=50, most_rows=10_000)
    quick = slow.by_rows_alike(5, target_ms=50, most_rows=10_000)

    assert (slow.rows, quick.rows) == (1_000, 2_000)
    assert quick.by_rows_alike(50, target_ms=50, most_rows=10_000).rows == 2_000
    assert BatchSize(rows=8_000).by_rows_alike(1, target_ms=50, most_rows=10_000).rows == 10_000


@pytest.mark.parametrize(
    ("changes", "rests"),
    [({"pause_ms": 0}, False), ({"pause_ms": 20}, True), ({"pause_ms": 0, "mode": AUTOPILOT}, True)],
)
def test_only_full_pace_leaves_the_server_no_rest(changes: dict[str, int | str | None], rests: bool) -> None:
    assert pace().with_changes(changes).rests is rests


@pytest.mark.parametrize(
    ("size", "rows"),
    [
        (BatchSize(rows=50), 200),
        (BatchSize(rows=50, row_ms=0.0), 200),
        (BatchSize(rows=50, row_ms=0.2), 200),
        (BatchSize(rows=50, row_ms=0.4), 125),
        (BatchSize(rows=50, row_ms=5.0), 100),
        (BatchSize(rows=400, row_ms=0.1), 800),
        (BatchSize(rows=900, row_ms=0.1), 1_000),
    ],
    ids=["not known", "no time at all", "quick", "less quick", "slow", "large batches", "as the operator allows"],
)
def test_a_unit_is_settled_whole_up_to_two_batches_or_where_it_is_quick(size: BatchSize, rows: int) -> None:
    assert size.whole_rows(1_000) == rows
