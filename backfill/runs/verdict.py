"""What a worker is told with every checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from backfill.runs.pace import Pace
from backfill.runs.states import State
from backfill.runs.window import FOREVER_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A checkpoint's answer: whether the lease still holds, and what the run wants now.

    `stopped_by` is what the autopilot stops it for; `duty` the share of its time that this lane may work; for
    `open_ms` the run is within its window.
    """

    held: bool
    state: State
    pace: Pace
    wait_ms: int = 0
    stopped_by: str = ""
    duty: float = 1.0
    open_ms: int = FOREVER_MS
