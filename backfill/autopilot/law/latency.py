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
LEAST_MS = 0.5
# A single probe that met a checkpoint or a scheduler counts as so many ordinary ones at most.
OUTLIER = 2.5
# Of what was known, so much is kept with every comparison; less where the
# database is slower than it let expect, or serves another load.
MEMORY = 0.94
MEMORY_OF_OTHER_TIMES = 0.4
SURPRISE = 0.2
# So much slower than at the last comparison, two steps running, it is another load and not noise; and so much slower or
# faster alone than at the last comparison.
ANOTHER_LOAD = 1.4
ANOTHER_LOAD_ALONE = 1.3
# What is believed before anything is known, and again when it is long ago: that a lane costs next to nothing. It weighs
# as much as one comparison at this effort.
WEIGHT_OF_NOTHING = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """`alone_ms` and `beside_ms` are typical times at the last comparison, `last_ms` that of the last step.

    `slower` and `efforts` are sums over comparisons, the old ones fading: their quotient is the slowdown per lane.
    `strikes` counts steps in a row in which the database was much slower than at the last comparison.
    """

    alone_ms: float | None = None
    beside_ms: float | None = None
    last_ms: float | None = None
    slower: float = 0.0
    efforts: float = 0.0
    strikes: int = 0

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
        found = typical(beside)
        if alone:
            near = found if self.last_ms is None else (self.last_ms + found) / 2
            return self._compared(near, typical(alone), effort)
        struck = self.beside_ms is not None and found > max(
            ANOTHER_LOAD * self.beside_ms, self.beside_ms + LEAST_MS / 2
        )
        return replace(self, last_ms=found, strikes=self.strikes + 1 if struck else 0)

    def _another(self, alone_ms: float) -> bool:
        known = max(self.alone_ms or alone_ms, LEAST_MS)
        return not known / ANOTHER_LOAD_ALONE < max(alone_ms, LEAST_MS) < known * ANOTHER_LOAD_ALONE

    def _compared(self, beside_ms: float, alone_ms: float, effort: float) -> Latency:
        excess = (beside_ms - alone_ms) / max(alone_ms, LEAST_MS)
        surprising = excess > self.per_lane * effort + SURPRISE
        memory = MEMORY_OF_OTHER_TIMES if surprising or self.overloaded or self._another(alone_ms) else MEMORY
        return Latency(
            alone_ms=alone_ms,
            beside_ms=beside_ms,
            slower=memory * self.slower + excess * effort,
            efforts=memory * self.efforts + effort**2,
        )


def typical(probes: Sequence[float]) -> float:
    """The mean, in which tails count, with single probes bounded."""
    most = OUTLIER * median(probes)
    return fmean(min(probe, most) for probe in probes)
