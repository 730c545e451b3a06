"""The arithmetic from a sample to a forecast: more work never takes less time, and a range has its middle inside."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.engine.sampling import spread_out
from backfill.runs.forecast import Amount, Estimate, Forecast, Sample, Timed, fit
from backfill.runs.pace import Pace
from backfill.runs.playing import forecast
from backfill.runs.ranges import Span

# Two numbers that are played through batch by batch may differ by a batch, which is much of a run of a few.
A_BATCH = 1.03

timed = st.builds(
    lambda rows, row_ms, fixed_ms: Timed(asked=rows, rows=rows, ms=fixed_ms + rows * row_ms),
    st.integers(100, 3_000),
    st.floats(0.005, 0.5),
    st.floats(0.5, 20),
)
samples = st.builds(
    lambda alone, together: Sample(
        alone=tuple(alone), together=tuple(together), page_unit_ms=0.05, check_unit_ms=0.1, check_page_units=400
    ),
    st.lists(timed, min_size=1, max_size=12),
    st.lists(timed, max_size=12),
)
paces = st.builds(
    Pace,
    parallel=st.integers(1, 8),
    batch_rows=st.integers(200, 5_000),
    target_ms=st.integers(20, 200),
    pause_ms=st.integers(0, 200),
    rows_per_second=st.just(0),
)


def amount(rows_left: int) -> Amount:
    return Amount(units=10_000, rows=10**7, units_left=10_000, rows_left=rows_left, is_estimate=False)


def foretold(pace: Pace, rows_left: int, sample: Sample) -> Forecast:
    told = forecast(pace, amount(rows_left), sample, plan_seconds=0.1)
    assert told is not None
    return told


def steady(row_ms: float, fixed_ms: float = 2.0) -> tuple[Timed, ...]:
    return tuple(Timed(asked=rows, rows=rows, ms=fixed_ms + rows * row_ms) for rows in (200, 400, 800, 1200))


def pace(**changes: int) -> Pace:
    return Pace(parallel=2, batch_rows=2000, target_ms=50, pause_ms=0, rows_per_second=0).with_changes(changes)


@given(paces, st.integers(1, 10**7), samples)
def test_the_middle_is_between_low_and_high(pace: Pace, rows_left: int, sample: Sample) -> None:
    told = foretold(pace, rows_left, sample)

    for one in (told.seconds, told.settling, told.verifying, told.planning):
        assert 0 < one.low <= one.middle <= one.high


@given(paces, st.integers(1, 10**6), st.integers(0, 10**6), samples)
def test_more_rows_never_take_less_time(pace: Pace, rows_left: int, more: int, sample: Sample) -> None:
    fewer, all_of_them = foretold(pace, rows_left, sample), foretold(pace, rows_left + more, sample)

    assert fewer.seconds.middle <= all_of_them.seconds.middle * A_BATCH


@given(paces, st.integers(1, 10**6), st.integers(0, 1_000), samples)
def test_a_longer_pause_never_makes_a_run_faster_whose_lanes_are_not_in_each_others_way(
    pace: Pace, rows_left: int, more: int, sample: Sample
) -> None:
    # Lanes that are may gain by it: the less they meet, the larger a batch becomes that keeps to its milliseconds.
    apart, slower = replace(sample, together=()), replace(pace, pause_ms=pace.pause_ms + more)

    told, told_slower = foretold(pace, rows_left, apart), foretold(slower, rows_left, apart)

    assert told.settling.middle <= told_slower.settling.middle * A_BATCH + told.batch_ms / 1000


@given(paces, st.integers(1_000, 10**6), st.integers(10, 10_000), samples)
def test_a_limit_of_rows_per_second_is_kept(pace: Pace, rows_left: int, limit: int, sample: Sample) -> None:
    told = foretold(replace(pace, rows_per_second=limit), rows_left, sample)

    assert told.settling.low >= rows_left / limit


@given(st.floats(0.01, 1), st.floats(0, 50))
def test_a_cost_that_is_a_line_is_found_again(row_ms: float, fixed_ms: float) -> None:
    cost = fit(steady(row_ms, fixed_ms))

    assert cost is not None
    assert cost.ms(2_000) == pytest.approx(fixed_ms + 2_000 * row_ms)


def test_batches_in_each_others_way_say_how_little_a_second_lane_gains() -> None:
    sample = Sample(alone=steady(0.05), together=steady(0.1))

    told = foretold(pace(), 10**6, sample)
    alone = foretold(pace(parallel=1), 10**6, Sample(alone=steady(0.05)))

    assert told.gain == pytest.approx(1.0, abs=0.05)
    assert told.settling.middle == pytest.approx(alone.settling.middle, rel=0.1)


def test_lanes_that_rest_long_are_not_in_each_others_way() -> None:
    sample = Sample(alone=steady(0.05), together=steady(0.1))

    crowded = foretold(pace(target_ms=5_000), 10**6, sample)
    resting = foretold(pace(target_ms=5_000, pause_ms=60_000), 10**6, sample)

    assert crowded.batch_ms == pytest.approx(202, rel=0.05)
    assert resting.batch_ms == pytest.approx(102, rel=0.05)


def test_lanes_that_hold_each_other_up_gain_by_a_longer_pause() -> None:
    sample = Sample(alone=steady(0.02), together=steady(0.4, fixed_ms=200.0))
    crowded = pace(parallel=8, target_ms=180)

    told = foretold(crowded, 10**6, sample)
    resting = foretold(replace(crowded, pause_ms=1_000), 10**6, sample)

    assert resting.batch_rows > 2 * told.batch_rows
    assert resting.settling.middle < told.settling.middle


def test_the_batch_size_is_the_one_that_a_run_comes_to() -> None:
    told = foretold(pace(parallel=1, batch_rows=100_000), 10**6, Sample(alone=steady(0.1, fixed_ms=0.0)))

    assert told.batch_rows == pytest.approx(500, abs=5)
    assert told.batch_ms == pytest.approx(50, abs=1)


def test_without_a_batch_there_is_no_forecast_but_for_a_database_that_is_done() -> None:
    nothing = Sample(page_unit_ms=0.05, check_unit_ms=0.1, check_page_units=400)

    assert forecast(pace(), amount(1), nothing, plan_seconds=0.1) is None
    assert forecast(pace(), amount(0), nothing, plan_seconds=0.1) is not None


def test_wal_and_growth_count_pages_once_and_rows_that_find_room() -> None:
    tables = replace(amount(1_000), rows=1_000, table_bytes=8192 * 200, index_bytes=8192 * 50)  # five rows to a page
    weighed = Sample(
        alone=steady(0.1),
        updates=100,
        hot_updates=0,
        wal_rows=100,
        wal_bytes=100 * 1_000 + 90 * 8_000,
        wal_images=90,
        wal_again_bytes=100 * 1_000,
        pages=50,
    )

    told = forecast(pace(), tables, weighed, plan_seconds=0.1)
    hindered = forecast(pace(), replace(tables, hot_possible=False), weighed, plan_seconds=0.1)

    assert told is not None
    assert hindered is not None
    assert told.wal_bytes == Estimate(
        low=1_000 * 1_000 * 2 / 5 + 200 * 8_000, middle=1_000 * 1_000 + 250 * 8_000, high=1_000 * 1_000 + 750 * 8_000
    )
    assert told.growth_bytes == Estimate(low=8192 * 250 * 0.4, middle=8192 * 250 * 0.7, high=8192 * 250)
    assert hindered.growth_bytes == Estimate(low=8192 * 250, middle=8192 * 250, high=8192 * 250)


@given(st.integers(0, 70))
def test_places_are_spread_over_the_whole_from_the_first_on(count: int) -> None:
    spans = tuple(Span(start=None, end=(str(number),)) for number in range(count))

    order = [int(span.end[0]) for span in spread_out(spans)]

    assert sorted(order) == list(range(count))
    if count >= 16:
        assert max(order[:4]) >= count // 2 > min(order[:4])
