"""What `backfill wait --for` waits for: a state, or a percentage of the rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backfill.runs.errors import RunFailed, UsageError
from backfill.runs.record import Run, run_document
from backfill.runs.states import State

# One that a run only passes through counts as reached when the run is further on: it may take less than a look.
_FURTHER_ON = {
    State.QUEUED: frozenset({State.QUEUED, State.RUNNING, State.VERIFYING, State.SUCCEEDED}),
    State.RUNNING: frozenset({State.RUNNING, State.VERIFYING, State.SUCCEEDED}),
    State.VERIFYING: frozenset({State.VERIFYING, State.SUCCEEDED}),
    State.PAUSING: frozenset({State.PAUSING, State.PAUSED}),
    State.CANCELLING: frozenset({State.CANCELLING, State.CANCELLED}),
}
_PERCENT = re.compile(r"(\d{1,3})%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    words: str
    is_met: Callable[[Run], bool]


def parse_goals(given: Sequence[str]) -> tuple[Goal, ...]:
    """Any of them will do. Raises UsageError with what there is to wait for."""
    return tuple(_parse(text) for text in given)


def judge_goals(run: Run, goals: Sequence[Goal]) -> None:
    """RunFailed where the run has come to rest elsewhere, and be it that it has succeeded."""
    if not any(goal.is_met(run) for goal in goals):
        wanted = " or ".join(goal.words for goal in goals)
        raise RunFailed(f"Run {run.id} is {run.state} and was waited for to be {wanted}.", "Look: backfill status.")


def _parse(text: str) -> Goal:
    word = text.strip().lower()
    percent = _PERCENT.fullmatch(word)
    if percent and int(percent[1]) <= 100:
        share = int(percent[1]) / 100
        return Goal(words=f"at {word}", is_met=lambda run: _is_at(run, share))
    if word in set(State):
        state = State(word)
        return Goal(words=word, is_met=lambda run: run.state in _FURTHER_ON.get(state, {state}))
    raise UsageError(
        f"--for {text!r} is nothing to wait for.",
        f"Give a percentage from 0% to 100%, or a state: {', '.join(State)}.",
    )


def _is_at(run: Run, share: float) -> bool:
    fraction: float | None = run_document(run)["progress"]["fraction"]
    return fraction is not None and fraction >= share
