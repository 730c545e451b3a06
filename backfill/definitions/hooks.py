"""What a definition wants to be told of its runs: functions that are called when a run starts, rests or ends."""

from __future__ import annotations

from dataclasses import dataclass

from backfill.engine.hooking import Hook

LONGEST_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Functions, sync (called in a thread) or async, of the run's record: `run.id`, `run.state`, `run.parameters`, ...

    `after_start` is called when a worker begins: at the start, and again after a resume or a retry. `after_pause` when
    the run has come to rest, whoever paused it: an operator, or the engine. Of `after_success`, `after_failure` and
    `after_cancel` one is called at the end.

    At least once, in the order of the transitions, by one worker at a time that serves the backfill, whatever process
    made the transition: in rare cases (a worker dies after the call) twice, so let them do the same thing again without
    harm. The record is as it is when the hook is called, which may be later than what it is called for. One that
    raises, or takes longer than `seconds`, is called again after a while, a few times; the run's events tell of it by
    the class and the place of the exception, and the run itself goes on. A sync one cannot be broken off: it is not
    called again once it has taken too long. A worker of another version of the definition may be the one that calls
    them: look at `run.version` where that matters.
    """

    after_start: Hook | None = None
    after_pause: Hook | None = None
    after_success: Hook | None = None
    after_failure: Hook | None = None
    after_cancel: Hook | None = None
    seconds: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= LONGEST_SECONDS:
            raise ValueError(
                f"hooks have {self.seconds:g} seconds: give them more than 0, and at most {LONGEST_SECONDS:g}"
            )

    def named(self, name: str) -> Hook | None:
        hooks = {
            "after_start": self.after_start,
            "after_pause": self.after_pause,
            "after_success": self.after_success,
            "after_failure": self.after_failure,
            "after_cancel": self.after_cancel,
        }
        return hooks[name]
