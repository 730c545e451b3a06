"""How much work at once: towards what the slowdown per lane lets the budget pay for, halved when it is overloaded.

Effort is in lanes: 0.5 is one range that rests for half of the time, 3 are three that do not rest.
docs/autopilot.md says why this and not additive increase with multiplicative decrease, with the simulation's figures.
"""

from __future__ import annotations

from dataclasses import dataclass

from backfill.autopilot.law.latency import Latency

# Where effort begins before anything is known: one range that rests half of the time.
FIRST = 0.5
LEAST = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """`budget` is how much slower small statements may become; `aim` lies below it by what noise and delay take.

    `rise` and `fall` bound one step. From `eases_from` of a limit on, effort falls before the limit is reached.
    """

    budget: float = 1.25
    aim: float = 1.14
    rise: float = 1.15
    fall: float = 0.6
    eases_from: float = 0.5


TUNING = Tuning()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`most` lanes are allowed, and `least` kept up, but for limits and overload.

    `pressure` is the largest share of a limit among readings that less work would ease; where `nobody_else` is
    connected, there is no application that could become slower.
    """

    most: float
    least: float = LEAST
    pressure: float = 0.0
    nobody_else: bool = False


def next_effort(effort: float, latency: Latency, asked: Asked, *, tuning: Tuning = TUNING) -> float:
    """After one step."""
    factor = asked.most / effort if asked.nobody_else else _towards(effort, latency, tuning)
    eased = asked.pressure > tuning.eases_from
    overloaded = latency.overloaded and not asked.nobody_else
    if overloaded:
        factor = 0.5
    if eased:
        factor = min(factor, max(1 - (asked.pressure - tuning.eases_from) * 0.8, tuning.fall))
    least = LEAST
    if not overloaded and not eased:
        least = min(asked.least, effort * tuning.rise)
    return min(max(effort * factor, least, LEAST), asked.most)


def _towards(effort: float, latency: Latency, tuning: Tuning) -> float:
    if latency.beside_ms is None:  # nothing is known: up to where it began, should something have pushed it down
        return min(max(FIRST / effort, 1.0), tuning.rise)
    wanted = (tuning.aim - 1) / max(latency.per_lane, 1e-3)
    return min(max(wanted / effort, tuning.fall), tuning.rise)
