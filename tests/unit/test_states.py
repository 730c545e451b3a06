"""The table of arrows: what it must never allow, whatever is asked for in whatever order."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backfill.runs.states import (
    ARROWS,
    AT_REST,
    DONE,
    FIRST,
    OPERATOR_ACTIONS,
    Action,
    State,
    possible_actions,
    target_of,
)

actions = st.lists(st.sampled_from(Action), max_size=30)


def walk(asked: list[Action]) -> list[State]:
    """The states a run goes through when it is asked for these actions; what is not possible is refused."""
    states = [FIRST[len(asked) % len(FIRST)]]
    for action in asked:
        states.append(target_of(action, states[-1]) or states[-1])
    return states


@given(actions)
def test_a_run_that_is_done_stays_done_unless_it_is_retried(asked: list[Action]) -> None:
    states = walk(asked)

    for action, before, after in zip(asked, states, states[1:], strict=False):
        assert before not in DONE or after == before or (action is Action.RETRY and before is State.FAILED)


@given(actions)
def test_a_run_succeeds_only_out_of_verifying(asked: list[Action]) -> None:
    states = walk(asked)

    for before, after in pairwise(states):
        assert after is not State.SUCCEEDED or before in (State.VERIFYING, State.SUCCEEDED)


@given(actions)
def test_a_cancelled_run_takes_no_further_work(asked: list[Action]) -> None:
    states = walk(asked)

    if State.CANCELLING in states:
        after = states[states.index(State.CANCELLING) :]
        assert set(after) <= {State.CANCELLING, State.CANCELLED}


def test_every_state_is_reached() -> None:
    assert {arrow.target for arrow in ARROWS} | set(FIRST) == set(State)


def test_every_state_in_passing_comes_to_rest_without_an_operator() -> None:
    for state in set(State) - AT_REST:
        reached = {state}
        for _ in State:
            by_engine = (a for a in ARROWS if a.action not in OPERATOR_ACTIONS)
            reached |= {arrow.target for arrow in by_engine if arrow.source in reached}
        assert reached & AT_REST, state


def test_no_action_leads_two_ways_from_one_state() -> None:
    pairs = [(arrow.action, arrow.source) for arrow in ARROWS]

    assert len(pairs) == len(set(pairs))


def test_every_arrow_says_why_in_a_sentence() -> None:
    for arrow in ARROWS:
        assert arrow.why[0].isupper(), arrow
        assert arrow.why.endswith("."), arrow


def test_states_at_rest_are_past_participles_and_states_in_passing_end_in_ing() -> None:
    for state in State:
        assert state.endswith("ing") == (state not in AT_REST and state is not State.QUEUED), state


def test_nothing_can_be_asked_of_a_run_that_succeeded_or_was_cancelled() -> None:
    assert possible_actions(State.SUCCEEDED) == ()
    assert possible_actions(State.CANCELLED) == ()
    assert possible_actions(State.FAILED) == (Action.RETRY,)
