"""What whoever follows a run is told, and how it is judged where it stops."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backfill.cli.following import Changing, Whereabouts, judge
from backfill.cli.goals import judge_goals, parse_goals
from backfill.runs.errors import RunFailed, UsageError
from backfill.runs.notes import Asked, Note
from backfill.runs.record import Run
from backfill.runs.states import AT_REST, WORKING, State
from tests.support.sample_runs import MOVEMENT, NOW_MS, quarantined_unit, run_of

RUNNING = run_of(State.RUNNING)
NOBODY = run_of(State.RUNNING, movement=replace(MOVEMENT, workers=0, leases=0))
BY_ENGINE = Asked(action="pause", by="engine", at_ms=NOW_MS)
BY_ANN = Asked(action="pause", by="cli:ann@host", at_ms=NOW_MS)
NOTE = Note(text="until the release is out", by="cli:ann@host", at_ms=NOW_MS, action="pause")


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (
            run_of(State.PAUSED, asked=BY_ENGINE, error="25 of the first 30 units failed"),
            "Run 3f9c1a7be210 was paused by the engine: 25 of the first 30 units failed.",
        ),
        (run_of(State.PAUSED, asked=BY_ANN), "Run 3f9c1a7be210 was paused by cli:ann@host. Let it go on"),
        (
            run_of(State.PAUSED, asked=BY_ANN, notes=(NOTE,)),
            "Run 3f9c1a7be210 was paused by cli:ann@host: until the release is out.",
        ),
        (run_of(State.FAILED, error="is it full?"), "Run 3f9c1a7be210 failed: is it full? When it is mended"),
        (run_of(State.CANCELLED, error="of long ago"), "Run 3f9c1a7be210 was cancelled. A new run"),
    ],
)
def test_a_run_that_rests_without_success_is_a_failure_with_its_reason_and_a_way_on(run: Run, words: str) -> None:
    with pytest.raises(RunFailed) as failed:
        judge(run)

    assert str(failed.value).startswith(words)
    assert "backfill " in failed.value.remedy


def test_a_pause_for_failed_units_offers_both_ways_on() -> None:
    with pytest.raises(RunFailed, match=r"backfill resume .*backfill retry"):
        judge(run_of(State.PAUSED, asked=BY_ENGINE, quarantined=(quarantined_unit("p"),)))


@pytest.mark.parametrize("state", sorted((set(State) - AT_REST) | {State.SUCCEEDED}))
def test_no_other_run_is_a_failure(state: State) -> None:
    judge(run_of(state))


def test_what_needs_attention_is_told_when_it_begins_and_when_it_is_over() -> None:
    changing = Changing()

    told = [changing.told(run) for run in (RUNNING, NOBODY, NOBODY, RUNNING, RUNNING)]

    assert [bool(words) for words in told] == [False, True, False, True, False]
    assert "No worker that serves generation-versions is alive" in told[1]
    assert told[3] == "A worker is alive again."


def test_a_run_that_comes_to_rest_without_a_worker_is_not_said_to_have_one_again() -> None:
    changing = Changing()

    assert changing.told(NOBODY)
    assert changing.told(run_of(State.CANCELLED, movement=NOBODY.movement)) == ""


@pytest.mark.parametrize("state", sorted(State))
def test_a_run_is_said_to_go_on_only_while_it_does(state: State) -> None:
    seen = Whereabouts()
    seen.saw(run_of(state))

    assert ("goes on" in seen.words()) == (state in WORKING)


def test_a_run_without_a_worker_does_not_go_on() -> None:
    seen = Whereabouts()
    seen.saw(NOBODY)

    assert seen.words() == "the run is running and waits for a worker"


@pytest.mark.parametrize(
    ("goal", "met", "not_met"),
    [
        ("paused", State.PAUSED, State.PAUSING),
        ("running", State.VERIFYING, State.QUEUED),
        ("Verifying", State.SUCCEEDED, State.RUNNING),
        ("succeeded", State.SUCCEEDED, State.VERIFYING),
        ("50%", State.RUNNING, None),
        ("51%", State.SUCCEEDED, State.RUNNING),
        ("100%", State.SUCCEEDED, State.VERIFYING),
    ],
)
def test_a_goal_is_met_there_and_further_on_and_not_before(goal: str, met: State, not_met: State | None) -> None:
    (wanted,) = parse_goals([goal])

    assert wanted.is_met(run_of(met))
    assert not_met is None or not wanted.is_met(run_of(not_met))


@pytest.mark.parametrize("goal", ["", "done", "101%", "-1%", "50", "half"])
def test_what_is_no_goal_is_told_what_is(goal: str) -> None:
    with pytest.raises(UsageError, match=r"a percentage from 0% to 100%, or a state: proposed, queued, running,"):
        parse_goals([goal])


def test_a_run_that_rests_elsewhere_than_it_was_waited_for_is_a_failure() -> None:
    goals = parse_goals(["paused", "90%"])

    judge_goals(run_of(State.PAUSED), goals)
    with pytest.raises(RunFailed, match=r"is failed and was waited for to be paused or at 90%\."):
        judge_goals(run_of(State.FAILED), goals)
