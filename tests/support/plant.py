"""A simulated database on a clock of its own: an application's load, ours on top, probes with noise, a standby.

Time to answer is that of a single server with a queue, base / (1 - utilisation): slow at first, then steep, which is
what makes a control law oscillate. Probes have a lognormal noise of 25 %, one in a hundred takes eight times as long.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, pstdev

from backfill.autopilot.law.course import QUIET_EVERY_MS, QUIET_MS, STEP_MS, Course, Seen, step
from backfill.autopilot.law.effort import LEAST
from backfill.runs.readings import Reading

BASE_MS, SPIKE = 2.0, 8.0
PROBES_BESIDE, PROBES_ALONE = 35, 20

Law = Callable[[Course, Seen], Course]
Load = Callable[[float], float]
Signals = Callable[["Plant"], Sequence[Reading]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """`slowdown` is the true one, without noise, at the effort that is really at work (0 while stopped)."""

    seconds: float
    effort: float
    slowdown: float
    stopped: bool


@dataclass(slots=True, kw_only=True)
class Plant:
    """`cost` is the utilisation that one lane without a rest adds, `runs_at` how many runs share the effort when. On a
    busy machine steps take longer, `step_ms`."""

    seed: int
    load: Load
    cost: float = 0.4
    noise: float = 0.25
    spikes: float = 0.01
    runs_at: Callable[[float], int] = lambda _seconds: 1
    signals: Signals = lambda _plant: ()
    most: float = 1.0
    least: float = LEAST
    nobody_else: bool = False
    step_ms: int = STEP_MS
    course: Course = field(default_factory=Course)
    seconds: float = 0.0
    working: float = 0.0
    lag: float = 0.0
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        print(f"seed {self.seed}")  # noqa: T201 - shown where a test fails

    def play(self, seconds: float, law: Law = step) -> list[Moment]:
        return [self._moment(law) for _ in range(round(seconds * 1000 / self.step_ms))]

    def answer_ms(self, effort: float) -> float:
        return BASE_MS / (1 - min(self.load(self.seconds) + self.cost * effort, 0.97))

    def _moment(self, law: Law) -> Moment:
        now_ms = round(self.seconds * 1000)
        quiet = self.course.wants_quiet(now_ms)
        # A run that has begun since the last step takes as much as the others, until their shares are cut anew.
        newly = self.runs_at(self.seconds) / self.runs_at(self.seconds - self.step_ms / 1000)
        self.working = 0.0 if self.course.holding else self.course.effort * max(newly, 1.0)
        seen = Seen(
            now_ms=now_ms,
            most=self.most,
            least=self.least,
            readings=self.signals(self),
            nobody_else=self.nobody_else,
            alone_ms=self._probes(PROBES_ALONE if quiet else 0, 0.0),
            beside_ms=self._probes(PROBES_BESIDE // 4 if quiet else PROBES_BESIDE, self.working),
        )
        true = self.answer_ms(self.working) / self.answer_ms(0)
        moment = Moment(seconds=self.seconds, effort=self.working, slowdown=true, stopped=bool(self.course.holding))
        self.course = law(self.course, seen)
        self.seconds += self.step_ms / 1000
        return moment

    def _probes(self, count: int, effort: float) -> list[float]:
        typical = self.answer_ms(effort)
        return [
            typical
            * self.random.lognormvariate(-(self.noise**2) / 2, self.noise)
            * (SPIKE if self.random.random() < self.spikes else 1)
            for _ in range(count)
        ]


def kept(moments: Sequence[Moment], budget: float = 1.25) -> float:
    """Share of the time in which the budget was kept."""
    return sum(moment.slowdown <= budget for moment in moments) / len(moments)


def work(moments: Sequence[Moment]) -> float:
    """Lanes, on average, less what the quiet windows cost."""
    return fmean(moment.effort for moment in moments) * (1 - QUIET_MS / QUIET_EVERY_MS)


def swing(moments: Sequence[Moment]) -> float:
    """How far the effort goes up and down around its mean: one standard deviation, as a share."""
    efforts = [moment.effort for moment in moments]
    return pstdev(efforts) / fmean(efforts)


def additive(course: Course, seen: Seen) -> Course:
    """The other law, for comparison: up by a step of a twentieth, halved above the budget, as TCP does it."""
    after = step(course, seen)
    latency = after.latency
    if not seen.alone_ms or latency.beside_ms is None or latency.alone_ms is None:
        return after if course.latency.beside_ms is None else replace(after, effort=course.effort)
    effort = course.effort / 2 if latency.beside_ms > 1.25 * latency.alone_ms else course.effort + 0.05
    return Course(
        effort=min(max(effort, 0.05), seen.most),
        latency=after.latency,
        stops=after.stops,
        quiet_at_ms=after.quiet_at_ms,
        nobody_else=after.nobody_else,
    )
