"""What is left of a run, what came of it, what can follow: never more than it knows, and never 100 % too early."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backfill.cli.words import amounts, percent, troubles
from backfill.runs.findings import Finding
from backfill.runs.outlook import next_of, outcome_of
from backfill.runs.record import Run, run_document
from backfill.runs.states import AT_REST, State
from tests.support.sample_runs import contended_unit, quarantined_unit, run_of, walked_to_the_end

BROKEN = Finding(rule="duplicate_versions", is_error=True, count=2)


def progress_of(run: Run) -> dict[str, object]:
    progress: dict[str, object] = run_document(run)["progress"]
    return progress


def test_a_failed_run_with_quarantined_units_is_not_at_100_percent_and_says_what_is_left() -> None:
    units = (quarantined_unit("p1"), quarantined_unit("p2"))
    run = walked_to_the_end(run_of(State.FAILED, quarantined=units), units_done=8, rows_done=100)

    assert progress_of(run)["units_left"] == 2
    assert progress_of(run)["fraction"] == 0.999
    assert percent(run) == "99%"
    assert "2 units left" in amounts(run)


def test_a_failed_run_with_findings_is_not_at_100_percent() -> None:
    run = walked_to_the_end(run_of(State.FAILED, findings=(BROKEN,)))

    assert (progress_of(run)["fraction"], percent(run)) == (0.999, "99%")


@pytest.mark.parametrize("state", sorted(set(State) - {State.SUCCEEDED}))
def test_100_percent_is_said_of_a_run_that_has_succeeded_and_of_no_other(state: State) -> None:
    done, not_done = (walked_to_the_end(run_of(one)) for one in (State.SUCCEEDED, state))

    assert (percent(done), percent(not_done)) == ("100%", "99%")
    assert (progress_of(done)["units_left"], progress_of(not_done)["units_left"]) == (0, 0)


def test_units_left_count_what_was_sent_back_and_what_is_put_aside() -> None:
    half = run_of(State.RUNNING)

    assert progress_of(half)["units_left"] == 5
    assert progress_of(replace(half, contended=(contended_unit("p1"),)))["units_left"] == 5
    assert progress_of(replace(half, contended=(contended_unit("p1", counted=True),)))["units_left"] == 6
    assert progress_of(replace(half, counts=replace(half.counts, units_total=None)))["units_left"] is None


def test_a_run_at_rest_is_not_said_to_be_throttled() -> None:
    held_up = run_of(State.RUNNING, throttled_by="disk full")
    paused = run_of(State.PAUSED, throttled_by="disk full")

    assert troubles(held_up) == ["held up by: disk full"]
    assert (troubles(paused), run_document(paused)["pace"]["throttled_by"]) == ([], None)


def test_a_paused_run_with_quarantined_units_offers_both_ways_on() -> None:
    words = next_of(run_of(State.PAUSED, quarantined=(quarantined_unit("p1"),)))

    assert words is not None
    assert "Go on without the 1 quarantined unit: backfill resume" in words
    assert "take them up again: backfill retry" in words


@pytest.mark.parametrize("state", sorted(State))
def test_every_run_at_rest_says_what_can_follow_and_no_other_does(state: State) -> None:
    words = next_of(run_of(state))

    assert (words is not None) == (state in AT_REST)
    assert words is None or "backfill " in words


def test_nothing_to_do_and_everything_done_already_are_told_apart() -> None:
    empty = walked_to_the_end(run_of(State.SUCCEEDED), units_done=0, rows_done=0, rows_written=0)
    settled = walked_to_the_end(run_of(State.SUCCEEDED), rows_written=0)
    worked = walked_to_the_end(run_of(State.SUCCEEDED))

    assert str(outcome_of(empty)).startswith("There was nothing to do: the tables are empty.")
    assert outcome_of(settled) == "Nothing had to be written: 100 rows in 10 units had all values already."
    assert outcome_of(worked) == "50 rows written, and 10 units verified."
    assert outcome_of(run_of(State.RUNNING)) is None
