"""The line of the throughput."""

from __future__ import annotations

import pytest

from backfill.http.pages.chart import HEIGHT, WIDTH, chart_of, round_up
from backfill.runs.progress import Sample


def test_a_chart_is_drawn_from_the_first_two_rates_on() -> None:
    samples = [Sample(at_ms=1000 * second, rows_done=rows) for second, rows in enumerate((0, 100, 400, 400))]

    assert chart_of(samples[:2]) is None
    chart = chart_of(samples)

    assert chart is not None
    assert (chart.top, chart.highest, chart.latest, chart.seconds) == (300, 300, 0, 15)
    assert chart.line.split()[-1] == f"{WIDTH:.1f},{HEIGHT:.1f}"
    assert [point.split(",")[1] for point in chart.line.split()] == ["80.0", "0.0", "120.0"]


@pytest.mark.parametrize(("value", "top"), [(0, 10), (10, 10), (11, 15), (501, 600), (2_000, 2_000), (5e6, 6_000_000)])
def test_the_edge_of_a_chart_is_a_round_number(value: float, top: int) -> None:
    assert round_up(value) == top
