"""One step of the whole law: what was seen in, what the workers may do out, and what the next step has to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backfill.autopilot.law.effort import FIRST, LEAST, TUNING, Asked, Tuning, next_effort
from backfill.autopilot.law.latency import FEW, Latency
from backfill.autopilot.law.stops import Stop, Stops, next_stops
from backfill.runs.readings import Reading

STEP_MS = 500
# How often the work is interrupted to see how fast the database is without it, and sooner where it
# is overloaded.
QUIET_EVERY_MS = 5_000
QUIET_AT_FIRST_EVERY_MS = 2_000
# A batch in flight is finished first, then is the time of the probes.
QUIET_SETTLES_MS = 80
QUIET_MS = 350
# While there is an application, a batch takes about so long: at the same share of the time its slow statements wait
# less for short batches, each with little to flush. Where a commit itself is slow, so many times that.
SHORT_BATCH_MS = 5
COMMITS_TO_A_BATCH = 5
# So many times its limit may a reading be that only grows from one look on, until the next one stops the work.
WORST = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came in since the last step. `alone_ms` and `beside_ms` are times of probes in and outside quiet windows.

    `most` is the largest effort that the operators of all runs together allow, `least` what is kept up but for limits
    and overload; `nobody_else`: no session is there but the backfill's own.
    """

    now_ms: int
    most: float
    least: float = LEAST
    readings: Sequence[Reading] = ()
    alone_ms: Sequence[float] = ()
    beside_ms: Sequence[float] = ()
    nobody_else: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What one step leaves to the next, and with `stops` and `effort` what the workers may do."""

    effort: float = FIRST
    latency: Latency = field(default_factory=Latency)
    stops: Stops = field(default_factory=dict)
    quiet_at_ms: int = 0
    nobody_else: bool = False

    @property
    def holding(self) -> Mapping[str, Stop]:
        return {name: stop for name, stop in self.stops.items() if stop.holds}

    def wants_quiet(self, now_ms: int) -> bool:
        """Whether a quiet window is due; one is not needed while nobody works anyway, or nobody would notice."""
        return now_ms >= self.quiet_at_ms and not self.holding and not self.nobody_else

    @property
    def batch_ms(self) -> int:
        """How long a batch is to take at most; 0: as the pace says, because there is nobody to be considerate of."""
        if self.nobody_else:
            return 0
        return round(max(SHORT_BATCH_MS, COMMITS_TO_A_BATCH * (self.latency.alone_ms or 0.0)))


def step(course: Course, seen: Seen, tuning: Tuning = TUNING) -> Course:
    stops = next_stops(course.stops, seen.readings, seen.now_ms)
    stopped = any(stop.holds for stop in stops.values())
    # What was probed while nothing was at work says nothing of what work costs.
    latency = course.latency if course.holding else course.latency.after(seen.beside_ms, seen.alone_ms, course.effort)
    most = min(_most(seen, latency), _in_sight(course.effort, seen))
    effort = min(course.effort, most)
    if course.nobody_else and not seen.nobody_else:  # what was right alone is too much at once
        effort = min(effort, max(FIRST, seen.least))
    if stopped and not course.holding:
        effort = max(effort / 2, min(FIRST, effort))  # how it will begin again
    elif not stopped:
        pressure = max((reading.pressure for reading in seen.readings if reading.eases), default=0.0)
        asked = Asked(most=most, least=seen.least, pressure=pressure, nobody_else=seen.nobody_else)
        effort = next_effort(effort, latency, asked, tuning=tuning)
    return Course(
        effort=effort,
        latency=latency,
        stops=stops,
        quiet_at_ms=_quiet_at(course, seen, latency),
        nobody_else=seen.nobody_else,
    )


def _most(seen: Seen, latency: Latency) -> float:
    """Beside others no more than one lane until comparisons have shown what lanes cost: noise looks like room, too."""
    if seen.nobody_else or latency.compared >= FEW:
        return seen.most
    return min(seen.most, max(1.0, seen.least))


def _in_sight(effort: float, seen: Seen) -> float:
    """Lanes at which no reading can be above WORST of its limit when the next look takes effect, whatever happens.

    Only as far down as what is kept up: it is a precaution, and what others write is not ours to ease.
    """
    worst = max((reading.worst_share / WORST for reading in seen.readings if reading.eases), default=0.0)
    return max(effort / worst, seen.least) if worst > 0 else seen.most


def _quiet_at(course: Course, seen: Seen, latency: Latency) -> int:
    """Overload may be the application's own: then what "alone" means has to be measured anew, and soon."""
    if seen.alone_ms:
        return seen.now_ms + (QUIET_AT_FIRST_EVERY_MS if latency.is_new else QUIET_EVERY_MS)
    return min(course.quiet_at_ms, seen.now_ms + STEP_MS) if latency.overloaded else course.quiet_at_ms
