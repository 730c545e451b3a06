"""How much work at once: towards what the slowdown per lane lets the budget pay for, halved when it is overloaded.

Effort is in lanes: 0.5 is one range that rests for half of the time, 3 are three that do not rest.
docs/autopilot.md says why this and not additive increase with multiplicative decrease, with the simulation's figures.
"""

from __future__ import annotations

from dataclasses import dataclass

from backfill.autopilot.law.latency import Latency

# Where effort begins before anything is known: what the fixed pace does by default.
FIRST = 0.5
LEAST = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """`budget` is how much slower small statements may become; `aim` lies below it by what noise and delay take.

    `rise` and `fall` bound one step. From `eases_from` of a limit on, effort falls before the limit is reached.
    """

    budget: float = 1.25
    aim: float = 1.14
    rise: float = 1.15
    fall: float = 0.7
    eases_from: float = 0.5


TUNING = Tuning()


def next_effort(effort: float, latency: Latency, pressure: float, *, most: float, tuning: Tuning = TUNING) -> float:
    """After one step. `pressure` is the largest share of a limit among readings that less work would ease."""
    factor = 0.5 if latency.overloaded else _towards(effort, latency, tuning)
    if pressure > tuning.eases_from:
        factor = min(factor, max(1 - (pressure - tuning.eases_from) * 0.8, tuning.fall))
    return min(max(effort * factor, LEAST), most)


def _towards(effort: float, latency: Latency, tuning: Tuning) -> float:
    if latency.beside_ms is None:
        return 1.0
    wanted = (tuning.aim - 1) / max(latency.per_lane, 1e-3)
    return min(max(wanted / effort, tuning.fall), tuning.rise)
