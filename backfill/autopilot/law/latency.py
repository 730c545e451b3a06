"""How much slower one lane makes the database, from the times of a small probe beside the backfill and alone.

What "alone" is changes with the application's load, so the two are only ever compared within a second: every few
seconds no batch is begun for a moment. A moving minimum would call the application's own busy hours the backfill's
fault. What is remembered is the slowdown for each lane at work, which does not change when the effort does; so a step
needs no time to show, and there is nothing to oscillate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

# Nobody notices what is below: a budget in per cent of a tenth of a millisecond would be one of the clock's noise.
LEAST_MS = 1.0
# A single probe that met a checkpoint or a scheduler counts as so many ordinary ones at most.
OUTLIER = 2.5
SLOWER = (0.66, 0.95)
# Of what was known, so much is kept with each comparison where there is little noise, more where there is more. Less
# where the database serves another load, or was slower twice running than what was known let expect.
MEMORY = 0.94
MEMORY_OF_OTHER_TIMES = 0.4
LITTLE_NOISE = 0.1
LEAST_FORGETTING = 1 / 3
LITTLE_EFFORT = 0.15
MEMORY_OF_LITTLE_EFFORT = 0.8
FEW = 6
# A burst of somebody else's work that met one side of a comparison is not the price of a lane.
MOST_EXCESS = 0.5
# What is no noise: so many times as far off as comparisons usually are, and at least so much.
BEYOND_NOISE = 3.5
SURPRISE = 0.2
ANOTHER_LOAD = 0.4
ANOTHER_LOAD_ALONE = 0.3
# What is believed when everything else is long ago: that a lane costs next to nothing. It weighs as much as one
# comparison at this effort. What is believed at first is that half a lane is about right, which weighs as one does.
WEIGHT_OF_NOTHING = 0.15
FIRST_SLOWER, FIRST_EFFORTS = 0.08, 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """`alone_ms` and `beside_ms` are what slow probes took at the last comparison, `last_ms` that of the last step.

    `slower` and `efforts` are sums over comparisons, the old ones fading: their quotient is the slowdown per lane.
    `usual_ms` is what it takes alone under this load, `unusual` how many comparisons in a row found another.
    `noise` is by how much comparisons are usually off, `surprises` how many in a row were slower than that explains,
    `strikes` the steps in a row in which the database was much slower than at the last comparison; `compared` counts
    comparisons since the load was another one.
    """

    alone_ms: float | None = None
    beside_ms: float | None = None
    last_ms: float | None = None
    slower: float = FIRST_SLOWER
    efforts: float = FIRST_EFFORTS
    noise: float = LITTLE_NOISE
    usual_ms: float | None = None
    unusual: int = 0
    surprises: int = 0
    strikes: int = 0
    compared: int = 0

    @property
    def is_new(self) -> bool:
        """Too few comparisons under this load to rely on, or one that hints at another load."""
        return self.compared < FEW or self.unusual > 0 or self.surprises > 0

    @property
    def per_lane(self) -> float:
        """By how much one lane without a rest makes small statements slower; 0.5: half as long again."""
        return max(self.slower, 0.0) / (self.efforts + WEIGHT_OF_NOTHING**2)

    @property
    def overloaded(self) -> bool:
        return self.strikes >= 2

    def after(self, beside: Sequence[float], alone: Sequence[float], effort: float) -> Latency:
        """With the probes of one step, in which `effort` was at work outside the window."""
        if not beside:
            return self
        found = slow(beside)
        if alone:
            last = self.last_ms or found
            jumped = found > last * (1 + self._beyond(ANOTHER_LOAD))
            return self._compared(found if jumped else (last + found) / 2, slow(alone), effort)
        struck = self.beside_ms is not None and found > self.beside_ms + max(
            self._beyond(ANOTHER_LOAD) * self.beside_ms, LEAST_MS / 2
        )
        return replace(self, last_ms=found, strikes=self.strikes + 1 if struck else 0)

    def _beyond(self, at_least: float) -> float:
        return max(at_least, BEYOND_NOISE * self.noise)

    def _is_unusual(self, alone_ms: float) -> bool:
        known = max(self.usual_ms or alone_ms, LEAST_MS)
        ratio = max(alone_ms, LEAST_MS) / known
        return max(ratio, 1 / ratio) > 1 + self._beyond(ANOTHER_LOAD_ALONE)

    def _memory(self, effort: float) -> float:
        """With hardly any effort nothing can be learned about it, so what made it so small is forgotten the sooner."""
        with_noise = 1 - (1 - MEMORY) * min(max(LITTLE_NOISE / self.noise, LEAST_FORGETTING), 1.0)
        return min(with_noise, MEMORY_OF_LITTLE_EFFORT) if effort < LITTLE_EFFORT else with_noise

    def _compared(self, beside_ms: float, alone_ms: float, effort: float) -> Latency:
        excess = (beside_ms - alone_ms) / max(alone_ms, LEAST_MS)
        expected, limit = self.per_lane * effort, self._beyond(SURPRISE)
        off = excess - expected
        surprises = self.surprises + 1 if off > limit else 0
        unusual = self.unusual + 1 if self._is_unusual(alone_ms) else 0
        is_another = surprises >= 2 or unusual >= 2 or self.overloaded
        if not is_another:  # one comparison that is far off is noise
            excess = expected + min(max(off, -limit), limit)
        memory = MEMORY_OF_OTHER_TIMES if is_another else self._memory(effort)
        excess = min(excess, MOST_EXCESS)
        return Latency(
            alone_ms=alone_ms,
            beside_ms=beside_ms,
            slower=memory * self.slower + excess * effort,
            efforts=memory * self.efforts + effort**2,
            noise=self.noise + 0.1 * (min(abs(off), 2 * limit) - self.noise),
            usual_ms=alone_ms if is_another else _eased(self.usual_ms, alone_ms),
            unusual=0 if is_another else unusual,
            surprises=surprises,
            compared=0 if is_another else self.compared + 1,
        )


def _eased(usual_ms: float | None, alone_ms: float) -> float:
    return alone_ms if usual_ms is None else usual_ms + 0.25 * (alone_ms - usual_ms)


def slow(probes: Sequence[float]) -> float:
    """The mean of the slower third, without the slowest twentieth and with single probes bounded.

    A batch meets a few statements and makes those wait: when one in ten takes twice as long, the mean hardly moves.
    """
    most = OUTLIER * median(probes)
    # Each counts by how much of the third is its own, so that few probes are as slow as many.
    shares = [(number / len(probes), (number + 1) / len(probes)) for number in range(len(probes))]
    weights = [max(min(upper, SLOWER[1]) - max(lower, SLOWER[0]), 0.0) for lower, upper in shares]
    return fmean([min(probe, most) for probe in sorted(probes)], weights)
