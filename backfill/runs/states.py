"""Which action leads a run from which state to which: one table, a sentence per arrow.

The store loads the same table into its Lua scripts, so there is no second opinion on what is possible.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    PROPOSED = "proposed"
    QUEUED = "queued"
    RUNNING = "running"
    VERIFYING = "verifying"
    PAUSING = "pausing"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


class Action(StrEnum):
    """The first five are asked for by an operator, the others are taken by the engine."""

    APPROVE = "approve"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"
    START = "start"
    VERIFY = "verify"
    REOPEN = "reopen"
    REST = "rest"
    SUCCEED = "succeed"
    FAIL = "fail"


OPERATOR_ACTIONS = (Action.APPROVE, Action.PAUSE, Action.RESUME, Action.CANCEL, Action.RETRY)
# As which a run is made: where it needs an approval as proposed, else as queued.
FIRST = (State.PROPOSED, State.QUEUED)
WORKING = frozenset({State.QUEUED, State.RUNNING, State.VERIFYING})
DONE = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})
AT_REST = DONE | {State.PROPOSED, State.PAUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    action: Action
    source: State
    target: State
    why: str


def _arrow(action: Action, source: State, target: State, why: str) -> Arrow:
    return Arrow(action=action, source=source, target=target, why=why)


ARROWS: tuple[Arrow, ...] = (
    _arrow(Action.APPROVE, State.PROPOSED, State.QUEUED, "Somebody else than who asked for the run lets it begin."),
    _arrow(Action.START, State.QUEUED, State.RUNNING, "A worker claimed the first slice."),
    _arrow(Action.VERIFY, State.RUNNING, State.VERIFYING, "Every range is finished and no unit is contended."),
    _arrow(Action.REOPEN, State.VERIFYING, State.RUNNING, "Verification found rows without a value; they go back."),
    _arrow(Action.SUCCEED, State.VERIFYING, State.SUCCEEDED, "Verification found no error and nothing is quarantined."),
    _arrow(Action.FAIL, State.VERIFYING, State.FAILED, "Verification found errors, or units are quarantined."),
    _arrow(Action.PAUSE, State.QUEUED, State.PAUSED, "Nothing is in flight, so it rests at once."),
    _arrow(Action.PAUSE, State.RUNNING, State.PAUSING, "Batches in flight are finished first."),
    _arrow(Action.PAUSE, State.VERIFYING, State.PAUSING, "Checks in flight are finished first."),
    _arrow(Action.REST, State.PAUSING, State.PAUSED, "The last batch in flight has ended."),
    _arrow(Action.RESUME, State.PAUSED, State.QUEUED, "It goes on from its cursors; what is quarantined stays so."),
    _arrow(Action.RESUME, State.PAUSING, State.RUNNING, "The pause is withdrawn before it took effect."),
    _arrow(Action.CANCEL, State.PROPOSED, State.CANCELLING, "It was never begun, so it ends at once."),
    _arrow(Action.CANCEL, State.QUEUED, State.CANCELLING, "Large units that were begun earlier are finished first."),
    _arrow(Action.CANCEL, State.PAUSED, State.CANCELLING, "Large units that were begun earlier are finished first."),
    _arrow(Action.CANCEL, State.RUNNING, State.CANCELLING, "Batches in flight and units begun are finished first."),
    _arrow(Action.CANCEL, State.VERIFYING, State.CANCELLING, "Checks in flight are finished first."),
    _arrow(Action.CANCEL, State.PAUSING, State.CANCELLING, "Cancel outranks pause."),
    _arrow(Action.REST, State.CANCELLING, State.CANCELLED, "Every unit is settled or untouched."),
    _arrow(Action.RETRY, State.FAILED, State.QUEUED, "Quarantined units are taken up again, then all is verified."),
    _arrow(Action.RETRY, State.PAUSED, State.QUEUED, "It goes on with the quarantined units too; there must be some."),
)


_ALREADY: dict[Action, frozenset[State]] = {
    Action.APPROVE: WORKING,
    Action.PAUSE: frozenset({State.PAUSING, State.PAUSED}),
    Action.RESUME: WORKING,
    Action.CANCEL: frozenset({State.CANCELLING, State.CANCELLED}),
    Action.RETRY: WORKING,
}


def is_done_already(action: Action, state: State) -> bool:
    """Whether asking again changes nothing: a repeated command is harmless, not a mistake."""
    return state in _ALREADY.get(action, frozenset())


def target_of(action: Action, source: State) -> State | None:
    """The state that `action` leads to from `source`, or None where the table has no such arrow."""
    return next((arrow.target for arrow in ARROWS if arrow.action is action and arrow.source is source), None)


def possible_actions(state: State) -> tuple[Action, ...]:
    """What an operator can ask for in `state`, in the order of the table's actions."""
    return tuple(action for action in OPERATOR_ACTIONS if target_of(action, state) is not None)
