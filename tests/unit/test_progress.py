"""Progress never claims more than it knows."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from backfill.runs.progress import Counts, Sample, eta_seconds, fraction, progress_document, rows_per_second

amounts = st.integers(min_value=0, max_value=10**12)


def counts(*, rows_done: int = 0, rows_total: int | None = 1000) -> Counts:
    return Counts(
        units_done=0,
        units_total=10,
        rows_done=rows_done,
        rows_written=0,
        rows_total=rows_total,
        total_is_estimate=False,
    )


@given(amounts, amounts)
def test_the_fraction_is_below_one_until_the_run_is_complete(rows_done: int, rows_total: int) -> None:
    share = fraction(counts(rows_done=rows_done, rows_total=rows_total), complete=False)

    assert share is not None
    assert 0 <= share < 1


def test_the_fraction_is_one_when_the_run_is_complete_whatever_the_estimate_said() -> None:
    assert fraction(counts(rows_done=7, rows_total=1000), complete=True) == 1.0


def test_the_fraction_is_unknown_before_the_totals_are() -> None:
    assert fraction(counts(rows_total=None), complete=False) is None


def test_the_fraction_is_that_of_the_units_where_none_has_rows() -> None:
    without_rows = replace(counts(rows_total=0), units_done=4)

    assert fraction(without_rows, complete=False) == 0.4


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    samples = [Sample(at_ms=0, rows_done=0), Sample(at_ms=100_000, rows_done=50), Sample(at_ms=110_000, rows_done=1050)]

    assert rows_per_second(samples, now_ms=110_500) == 100.0


def test_the_rate_falls_when_nothing_moves_any_more() -> None:
    samples = [Sample(at_ms=0, rows_done=0), Sample(at_ms=10_000, rows_done=1000)]

    assert rows_per_second(samples, now_ms=20_000) == 50.0


def test_there_is_no_rate_from_one_sample() -> None:
    assert rows_per_second([Sample(at_ms=0, rows_done=5)], now_ms=10) is None


def test_there_is_no_eta_without_a_rate() -> None:
    assert eta_seconds(counts(rows_done=10), None) is None
    assert eta_seconds(counts(rows_done=10), 0.0) is None


@given(amounts, amounts, st.floats(min_value=0.001, max_value=1e9))
def test_the_eta_is_never_negative(rows_done: int, rows_total: int, rate: float) -> None:
    eta = eta_seconds(counts(rows_done=rows_done, rows_total=rows_total), rate)

    assert eta is not None
    assert eta >= 0


def test_a_total_that_was_overtaken_by_live_rows_grows_with_them() -> None:
    document = progress_document(counts(rows_done=1_007), [], now_ms=0, moving=False, complete=True)

    assert document["rows_total"] == 1_007


def test_a_run_at_rest_has_neither_rate_nor_eta() -> None:
    samples = [Sample(at_ms=0, rows_done=0), Sample(at_ms=10_000, rows_done=1000)]

    document = progress_document(counts(), samples, now_ms=10_000, moving=False, complete=False)

    assert document["rows_per_second"] is None
    assert document["eta_seconds"] is None
