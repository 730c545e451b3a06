"""Looking ahead: what a reading will be when the next look can take effect, alone and in the law, beside a standby."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from backfill.autopilot.law.course import STEP_MS, WORST
from backfill.autopilot.law.stops import WELL, next_stops
from backfill.autopilot.signals.growing import COUNTS_FROM, foretold
from backfill.runs.directive import FRESH_MS
from backfill.runs.readings import Reading
from tests.support.plant import Plant

MEBIBYTE = 1024.0 * 1024.0
LIMIT = 8 * MEBIBYTE
FAST = 20_000_000.0  # bytes of WAL a second, by a whole lane
TICK_SECONDS = 0.01
# Until what was published is with the workers and their batches are over.
ARRIVES_SECONDS = 0.15


def reading(value: float, unit: str = "bytes") -> Reading:
    return Reading(signal="standbys", about="one", value=value, limit=LIMIT, unit=unit, eases=True)


def looked(values: Sequence[float], *, every: float = 0.5, written: float = 0.0) -> Reading:
    """What the last of several looks says; `written` a second, by everybody."""
    memory: dict[str, float] = {}
    found: list[Reading] = []
    for number, value in enumerate(values):
        at = number * every
        found = foretold([reading(value)], written=1e12 + at * written, seconds=at, memory=memory)
    return found[0]


@dataclass(slots=True, kw_only=True)
class Standby:
    """Replays `replays` bytes a second but for when it `stands_still`; a lane without a rest writes `lane` a second."""

    lane: float = FAST
    replays: float = float("inf")
    stands_still: tuple[float, float] = (0.0, 0.0)
    jitter: Callable[[Plant], float] = lambda _plant: 0.0
    looks_ahead: bool = True
    written: float = 0.0
    replayed: float = 0.0
    most: float = 0.0
    seconds: float = 0.0
    working: float = 0.0
    memory: dict[str, float] = field(default_factory=dict)

    def readings(self, plant: Plant) -> Sequence[Reading]:
        began = self.seconds
        while self.seconds < plant.seconds - TICK_SECONDS / 2:
            self.seconds += TICK_SECONDS
            has_arrived = self.seconds - began > ARRIVES_SECONDS
            self._goes_on(plant.working if has_arrived else self.working)
        self.working = plant.working
        found = [reading(self.written - self.replayed + self.jitter(plant))]
        if not self.looks_ahead:
            return found
        return foretold(found, written=self.written, seconds=plant.seconds, memory=self.memory)

    def _goes_on(self, effort: float) -> None:
        self.written += effort * self.lane * TICK_SECONDS
        if not self.stands_still[0] <= self.seconds < self.stands_still[1]:
            self.replayed = min(self.written, self.replayed + self.replays * TICK_SECONDS)
        self.most = max(self.most, self.written - self.replayed)


def most_behind(*, step_ms: int, looks_ahead: bool = True) -> float:
    """Of a standby that stands still between two looks, at the worst of moments, in bytes."""
    most = 0.0
    for phase in range(20):
        begins = 20 + phase / 20 * step_ms / 1000
        standby = Standby(stands_still=(begins, begins + 30), looks_ahead=looks_ahead)
        plant = Plant(seed=1, load=lambda _: 0.0, signals=standby.readings, nobody_else=True, step_ms=step_ms)
        moments = plant.play(45)
        most = max(most, standby.most)

        assert moments[-1].stopped or not looks_ahead
    return most


@pytest.mark.parametrize("step_ms", [STEP_MS, 1_000, 2_000])
def test_a_standby_that_stands_still_under_much_wal_stops_the_work_in_time_also_where_looks_are_slow(
    step_ms: int,
) -> None:
    assert most_behind(step_ms=step_ms) < WORST * LIMIT


def test_without_looking_ahead_it_would_fall_further_behind() -> None:
    assert most_behind(step_ms=STEP_MS, looks_ahead=False) > WORST * LIMIT


@pytest.mark.parametrize("nobody_else", [True, False])
def test_the_lag_of_a_standby_that_follows_takes_no_pace_away(nobody_else: bool) -> None:
    standby = Standby(jitter=lambda plant: plant.random.random() * 400 * 1024)
    plant = Plant(seed=1, load=lambda _: 0.0, cost=0.05, signals=standby.readings, nobody_else=nobody_else)

    assert min(moment.effort for moment in plant.play(120)[80:]) > 0.95


def test_a_standby_that_catches_up_in_bursts_stops_nothing_and_takes_little() -> None:
    standby = Standby(lane=6 * MEBIBYTE, jitter=lambda plant: round(plant.seconds * 2) % 5 * 0.7 * MEBIBYTE)
    plant = Plant(seed=1, load=lambda _: 0.0, cost=0.05, signals=standby.readings)
    moments = plant.play(120)[80:]

    assert not [moment for moment in moments if moment.stopped]
    assert min(moment.effort for moment in moments) > 0.7


def test_a_standby_that_is_a_little_slow_is_a_slower_run_that_hardly_swings() -> None:
    standby = Standby(replays=0.8 * FAST)
    plant = Plant(seed=1, load=lambda _: 0.0, cost=0.05, signals=standby.readings, nobody_else=True)
    efforts = [moment.effort for moment in plant.play(120)[80:]]

    assert min(efforts) > 0.7
    assert max(efforts) < 0.9


def test_what_is_kept_up_is_kept_up_where_nothing_has_happened_yet() -> None:
    standby = Standby(lane=50 * FAST)
    plant = Plant(seed=1, load=lambda _: 0.0, signals=standby.readings, nobody_else=True, least=0.25)

    assert plant.play(60)[-1].effort == 0.25


def test_it_is_told_by_how_much_a_reading_grew_and_its_value_stays_what_was_measured() -> None:
    found = looked([MEBIBYTE, 3 * MEBIBYTE])

    assert found.sentence == "standbys one: 3.0 MiB, grew by 4.0 MiB per second, at most 8.0 MiB"
    assert (found.value, found.share, found.stops) == (3 * MEBIBYTE, 3 / 8, False)
    assert found.pressure > 3 / 8


def test_one_that_falls_and_one_that_is_far_from_its_limit_are_told_as_they_are() -> None:
    falls, far = looked([7 * MEBIBYTE, 6 * MEBIBYTE]), looked([0.0, COUNTS_FROM * LIMIT - 1])

    assert [one.pressure == one.share for one in (falls, far)] == [True, True]
    assert [one.sentence.count("grew") for one in (falls, far)] == [0, 0]


@pytest.mark.parametrize(
    ("mebibytes", "stops"),
    [
        ([1, 4, 7], True),
        ([1, 1, 7], False),  # a single time is a burst
        ([1, 3, 5], False),  # there is time for another look
        ([7, 7.1, 7.2], False),  # slowly
        ([1, 1, 8.1], True),
    ],
)
def test_what_grows_steadily_stops_before_it_is_above_its_limit(mebibytes: list[float], stops: bool) -> None:
    assert looked([value * MEBIBYTE for value in mebibytes]).stops == stops


def test_the_longer_ago_the_last_look_is_the_further_ahead_it_looks_until_workers_stop_by_themselves() -> None:
    written = 1.0 * MEBIBYTE
    worst = [looked([0.0, 0.0], every=every, written=written).at_worst or 0.0 for every in (0.5, 1.0, 10.0, 60.0)]

    assert 1.5 * 0.5 * written < worst[0] < worst[1] < worst[2] == worst[3]
    assert worst[3] == pytest.approx(FRESH_MS / 1000 * written, rel=0.05)


def test_what_was_not_there_at_the_last_look_and_what_is_not_in_bytes_is_not_foretold() -> None:
    memory: dict[str, float] = {}
    foretold([reading(1.0)], written=1e12, seconds=0.0, memory=memory)
    foretold([], written=None, seconds=0.5, memory=memory)
    (back,) = foretold([reading(4 * MEBIBYTE)], written=2e12, seconds=1.0, memory=memory)
    (share,) = foretold([reading(4 * MEBIBYTE, "share")], written=2e12, seconds=1.5, memory=memory)

    assert [(one.foretold, one.at_worst) for one in (back, share)] == [(None, None)] * 2


def test_a_stop_that_began_below_the_limit_holds_while_nothing_falls_and_goes_on_saying_why() -> None:
    grows = looked([MEBIBYTE, 4 * MEBIBYTE, 7 * MEBIBYTE])
    stops = next_stops({}, [grows], 0)
    for now_ms in range(500, 20_000, 500):
        stops = next_stops(stops, [reading(7 * MEBIBYTE)], now_ms)
    still = stops["standbys one"]
    for now_ms in range(20_000, 30_000, 500):
        stops = next_stops(stops, [reading(WELL * LIMIT)], now_ms)

    assert still.holds
    assert still.reading.sentence == "standbys one: 7.0 MiB, grew by 6.0 MiB per second, at most 8.0 MiB"
    assert not stops["standbys one"].holds


def test_a_reading_comes_back_from_its_document_also_from_that_of_another_version() -> None:
    grown = looked([2 * MEBIBYTE, 3 * MEBIBYTE, 4 * MEBIBYTE])
    assert grown.growth > 0

    assert Reading.of(grown.document()) == grown
    assert Reading.of(grown.document() | {"came_later": 1}) == grown
    assert "growth" not in reading(MEBIBYTE).document()
    assert Reading.of(reading(MEBIBYTE).document()) == reading(MEBIBYTE)
