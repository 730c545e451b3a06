from __future__ import annotations

import asyncio
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.demo.old_application.arrivals import Arrivals
from worker.demo.old_application.known_rows import Generation, KnownRows, Stage
from worker.demo.old_application.latencies import Histogram, Phase, PhaseSummary


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@given(st.lists(st.floats(min_value=1e-5, max_value=1000), min_size=1), st.sampled_from([0.5, 0.99, 1.0]))
def test_a_percentile_is_right_to_two_per_cent(latencies: list[float], share: float) -> None:
    histogram = Histogram()
    for seconds in latencies:
        histogram.add(seconds)

    exact_ms = 1000 * sorted(latencies)[math.ceil(share * len(latencies)) - 1]
    assert histogram.percentile_ms(share) == pytest.approx(exact_ms, rel=0.02, abs=0.001)
    assert histogram.longest_ms == pytest.approx(1000 * max(latencies), abs=0.001)


def test_what_lies_outside_the_histogram_is_counted() -> None:
    histogram = Histogram()
    for seconds in (0.0, -1.0, 1e9):
        histogram.add(seconds)

    assert histogram.count == 3
    assert histogram.percentile_ms(0.5) == 0.01


def test_nothing_has_no_percentile() -> None:
    assert Histogram().percentile_ms(0.5) is None
    assert Histogram().longest_ms is None


def test_a_phase_counts_its_own_time_and_only_while_inside() -> None:
    clock = Clock()
    phase = Phase("before", clock)
    phase.enter()
    clock.seconds += 2
    phase.leave()
    clock.seconds += 10
    phase.enter()
    clock.seconds += 3
    for _ in range(10):
        phase.succeeded("read", 0.001)

    summary = phase.summary()

    assert summary.seconds == 5
    assert summary.transactions_per_second == 2
    assert PhaseSummary.from_json(summary.to_json()) == summary


def test_errors_of_one_kind_and_reason_are_one_failure_with_the_first_message() -> None:
    phase = Phase("before", Clock())
    for message in ("first\nDETAIL: a value", "second"):
        phase.failed("read", 0.5, RuntimeError(message))
    phase.failed("write", 0.5, RuntimeError("third"))
    phase.succeeded("write", 0.5)

    summary = phase.summary()

    assert (summary.transactions, summary.errors) == (1, 3)
    assert [(one.kind, one.sqlstate, one.message, one.count) for one in summary.failures] == [
        ("read", "RuntimeError", "first", 2),
        ("write", "RuntimeError", "third", 1),
    ]


async def test_after_a_stall_the_missed_transactions_are_due_at_once_and_late() -> None:
    clock = Clock()
    arrivals = Arrivals(10, clock)
    clock.seconds += 0.35

    due = [await arrivals.next() for _ in range(4)]

    assert due == pytest.approx([100.0, 100.1, 100.2, 100.3])
    assert arrivals.take_missed() == 0


async def test_of_a_long_stall_only_the_last_seconds_are_caught_up() -> None:
    clock = Clock()
    arrivals = Arrivals(10, clock)
    clock.seconds += 65

    assert await arrivals.next() == pytest.approx(160.0, abs=0.11)
    assert arrivals.take_missed() == pytest.approx(600, abs=1)
    assert arrivals.take_missed() == 0


async def test_another_rate_holds_from_the_next_transaction_on() -> None:
    clock = Clock()
    arrivals = Arrivals(10, clock)
    clock.seconds += 0.35
    first = await arrivals.next()

    arrivals.change_rate(100)

    assert first == pytest.approx(100.0)
    assert [await arrivals.next() for _ in range(3)] == pytest.approx([100.1, 100.11, 100.12])


async def test_a_rate_of_zero_never_waits() -> None:
    clock = Clock()
    arrivals = Arrivals(0, clock)

    assert [await arrivals.next() for _ in range(1000)] == [100.0] * 1000


async def test_close_ends_the_waiting_and_everything_after_it() -> None:
    arrivals = Arrivals(0.001, Clock())
    await arrivals.next()
    waiting = asyncio.create_task(arrivals.next())
    await asyncio.wait([waiting], timeout=0.01)

    arrivals.close()

    assert await waiting is None
    assert await arrivals.next() is None


def test_a_generation_is_given_out_to_one_at_a_time_and_a_parent_never_again() -> None:
    random = Random(1)
    rows = KnownRows(users=["u"], projects=["p"], largest_projects=[])
    rows.put(Stage.FINISHED, Generation(id="old", project_id="p", is_own=False))

    assert rows.take_parent(random) is None
    assert rows.take(Stage.FINISHED, random).id == "old"
    assert not rows.has(Stage.FINISHED)
    rows.put(Stage.FINISHED, Generation(id="own", project_id="p"))
    parent = rows.take_parent(random)
    assert parent is not None
    assert parent.id == "own"
    assert not rows.has(Stage.FINISHED)


def test_projects_are_chosen_from_all_that_are_known() -> None:
    random = Random(1)
    rows = KnownRows(users=["u"], projects=[f"p{n}" for n in range(20)], largest_projects=["giant", "large"])
    rows.add_project("own")

    chosen = [rows.project(random) for _ in range(2000)]

    assert set(chosen) == {"giant", "large", "own", *(f"p{n}" for n in range(20))}
    assert chosen.count("giant") > chosen.count("large") > chosen.count("p0")
