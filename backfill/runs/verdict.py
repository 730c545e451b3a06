"""What a worker is told with every checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace

from backfill.runs.pace import FIXED, Pace
from backfill.runs.states import State
from backfill.runs.window import FOREVER_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A checkpoint's answer: whether the lease still holds, and what the run wants now.

    `stopped_by` is what the autopilot stops it for; `duty` the share of its time that this lane may work; for
    `open_ms` the run is within its window. `batch_ms` is how long the autopilot lets a batch take at most: 0 with
    nobody to be considerate of, None where it has no say.
    """

    held: bool
    state: State
    pace: Pace
    wait_ms: int = 0
    stopped_by: str = ""
    duty: float = 1.0
    open_ms: int = FOREVER_MS
    batch_ms: int | None = None

    @property
    def pace_now(self) -> Pace:
        """The run's, as the autopilot has it now: with shorter batches, or as it would be without one."""
        if self.batch_ms is None:
            return self.pace
        if self.batch_ms == 0:
            return replace(self.pace, mode=FIXED)
        return replace(self.pace, target_ms=min(self.pace.target_ms, self.batch_ms))
