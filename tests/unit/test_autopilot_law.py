"""The control law on a simulated database: plain numbers, no server and no waiting. Every test prints its seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

import pytest

from backfill.autopilot.law.course import COMMITS_TO_A_BATCH, SHORT_BATCH_MS, Course, Seen, step
from backfill.autopilot.law.effort import FIRST, LEAST, Tuning
from backfill.autopilot.law.latency import Latency, slow
from backfill.autopilot.law.stops import HOLD_MS
from backfill.runs.readings import Reading, read_nothing
from tests.support.plant import Law, Moment, Plant, additive, kept, swing, work

SEEDS = range(12)
FULL = 1.0
MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("load", [0.0, 0.2, 0.5])
def test_under_a_steady_load_the_budget_is_kept_and_the_effort_hardly_swings(load: float) -> None:
    for seed in SEEDS:
        moments = Plant(seed=seed, load=lambda _: load).play(180)

        assert kept(moments[60:]) >= 0.95
        assert swing(moments[120:]) <= 0.2


def test_a_load_that_becomes_five_times_as_much_leaves_the_budget_kept() -> None:
    moments: list[Moment] = []
    for seed in SEEDS:
        of_one = Plant(seed=seed, load=lambda seconds: 0.1 if seconds < 60 else 0.5).play(180)[60:]
        moments += of_one

        assert kept(of_one) >= 0.8
        assert swing(of_one[180:]) <= 0.2
    assert kept(moments) >= 0.95


def test_a_load_that_goes_up_and_down_within_a_minute_leaves_the_budget_kept() -> None:
    moments: list[Moment] = []
    for seed in SEEDS:
        moments += Plant(seed=seed, load=lambda seconds: 0.3 + 0.2 * math.sin(seconds * math.tau / 60)).play(240)[60:]

    assert kept(moments) >= 0.95


def test_two_runs_on_one_database_share_one_budget() -> None:
    for seed in SEEDS:
        alone = Plant(seed=seed, load=lambda _: 0.2).play(180)
        # Both runs' lanes come out of one effort; a second run that begins is at first one more load of ours.
        both = Plant(seed=seed, load=lambda _: 0.2, runs_at=lambda seconds: 1 if seconds < 90 else 2).play(180)

        assert kept(both[60:]) >= 0.95
        assert work(both[240:]) == pytest.approx(work(alone[240:]), rel=0.3)


def test_from_the_least_effort_to_full_pace_takes_less_than_twenty_seconds_on_an_idle_server() -> None:
    for seed in SEEDS:
        plant = Plant(seed=seed, load=lambda _: 0.0, cost=0.05, course=Course(effort=LEAST), nobody_else=True)

        assert max(moment.effort for moment in plant.play(20)) == plant.most


def test_an_overload_halves_the_effort_within_two_seconds() -> None:
    for seed in SEEDS:
        plant = Plant(seed=seed, load=lambda seconds: 0.1 if seconds < 61 else 0.75, cost=0.2)
        before = plant.play(61)[-1].effort

        assert min(moment.effort for moment in plant.play(2.5)) < 0.51 * before


def test_a_server_with_room_gets_at_least_four_fifths_of_full_pace() -> None:
    for seed in SEEDS:
        moments = Plant(seed=seed, load=lambda _: 0.0, cost=0.05).play(120)

        assert work(moments[40:]) >= 0.8 * FULL


def test_where_nobody_else_is_connected_the_latency_is_of_no_account() -> None:
    course = Course(effort=LEAST)
    for now_ms in range(0, 20_000, 500):
        alone, beside = [1.0] * 20, [50.0] * 20
        course = step(course, Seen(now_ms=now_ms, most=2.0, alone_ms=alone, beside_ms=beside, nobody_else=True))

    assert course.effort == 2.0


def test_where_probes_are_noisy_the_budget_is_kept_and_room_is_used_still() -> None:
    beside: list[Moment] = []
    idle: list[Moment] = []
    for seed in SEEDS:
        beside += Plant(seed=seed, load=lambda _: 0.2, noise=0.5, spikes=0.03).play(180)[60:]
        idle += Plant(seed=seed, load=lambda _: 0.0, cost=0.05, noise=0.5, spikes=0.03).play(120)[40:]

    assert kept(beside) >= 0.95
    assert work(idle) >= 0.8 * FULL


def test_the_law_does_better_than_additive_increase_and_multiplicative_decrease() -> None:
    def results(law: Law) -> tuple[float, float]:
        played = [Plant(seed=seed, load=lambda _: 0.2).play(180, law)[60:] for seed in SEEDS]
        return fmean(map(kept, played)), fmean(map(swing, played))

    ours, theirs = results(step), results(additive)

    assert ours[0] > theirs[0]
    assert ours[1] < theirs[1] / 2


def standby_lag(plant: Plant, stalls: Sequence[tuple[float, float]], rate: float) -> Sequence[Reading]:
    """Bytes that a standby is behind: while it stands still, by all that is written meanwhile."""
    stalled = any(begin <= plant.seconds < end for begin, end in stalls)
    written = plant.working * rate * 0.5
    plant.lag = plant.lag + written if stalled else max(0.0, plant.lag - 40 * MEBIBYTE)
    return [Reading(signal="standbys", about="one", value=plant.lag, limit=8.0 * MEBIBYTE, unit="bytes", eases=True)]


def test_a_standby_that_stands_still_stops_the_work_below_sixteen_mebibytes_and_it_goes_on_by_itself() -> None:
    for seed in SEEDS:
        plant = Plant(
            seed=seed,
            load=lambda _: 0.1,
            cost=0.1,
            signals=lambda plant: standby_lag(plant, [(30.0, 60.0)], rate=25.0 * MEBIBYTE),
        )
        moments = plant.play(60)
        most = plant.lag
        after = plant.play(40)

        assert moments[-1].stopped
        assert most < 16 * MEBIBYTE
        assert after[-1].effort > FIRST


def test_a_signal_that_flaps_is_held_longer_each_time() -> None:
    for seed in SEEDS:
        moments = Plant(seed=seed, load=lambda _: 0.1, signals=flapping).play(300)

        assert sum(now.stopped and not before.stopped for before, now in pairwise(moments)) <= 12


def flapping(plant: Plant) -> Sequence[Reading]:
    value = 2.0 if plant.random.random() < 0.08 else 0.0
    return [Reading(signal="check", about="flaps", value=value, limit=1.0)]


@pytest.mark.parametrize("what", ["standbys", "archiver"])
def test_a_signal_that_cannot_be_read_stops_the_work_until_it_can_be(what: str) -> None:
    plant = Plant(seed=1, load=lambda _: 0.1)
    plant.play(10)
    plant.signals = lambda _: [read_nothing(what, "permission denied")]
    blind = plant.play(10)
    plant.signals = lambda _: [Reading(signal=what, value=0.0, limit=1.0)]
    seeing = plant.play(HOLD_MS / 1000 + 1)

    assert blind[-1].effort == 0
    assert [stop.reading.unread for stop in plant.course.stops.values()] == ["permission denied"] or not blind[
        0
    ].stopped
    assert seeing[-1].effort > 0


def test_a_warning_and_a_value_without_limit_stop_nothing() -> None:
    readings = [Reading(signal="snapshots", value=9000, limit=60, warns=True), Reading(signal="wal", value=1e9)]
    plant = Plant(seed=1, load=lambda _: 0.1, signals=lambda _: readings)

    assert plant.play(10)[-1].effort > 0


def test_what_is_to_be_kept_up_is_kept_up_but_for_limits_and_overload() -> None:
    slow = Plant(seed=1, load=lambda seconds: 0.5 if seconds < 61 else 0.9, cost=0.4, least=0.5)
    before = slow.play(61)
    after = slow.play(5)
    near = Reading(signal="standbys", value=0.9, limit=1.0, eases=True)
    eased = Plant(seed=1, load=lambda _: 0.5, cost=0.4, least=0.5, signals=lambda _: [near]).play(30)

    assert min(moment.effort for moment in before) == 0.5
    assert min(moment.effort for moment in after) < 0.5
    assert eased[-1].effort == LEAST


def test_without_a_probe_the_effort_comes_back_to_where_it_began_and_stays() -> None:
    near = Reading(signal="standbys", value=0.9, limit=1.0, eases=True)
    far = Reading(signal="standbys", value=0.1, limit=1.0, eases=True)
    course = Course()
    for now_ms in range(0, 10_000, 500):
        course = step(course, Seen(now_ms=now_ms, most=4.0, readings=[near]))
    eased = course.effort
    for now_ms in range(10_000, 30_000, 500):
        course = step(course, Seen(now_ms=now_ms, most=4.0, readings=[far]))

    assert eased == LEAST
    assert course.effort == FIRST


def test_one_slow_probe_is_bounded() -> None:
    assert slow([1.0] * 9 + [1000.0]) < 1.3
    assert slow([1.0] * 8 + [2.0, 2.0]) > 1.2


def test_an_application_that_connects_finds_the_effort_where_it_begins_and_batches_short() -> None:
    course = Course()
    for now_ms in range(0, 5_000, 500):
        course = step(course, Seen(now_ms=now_ms, most=4.0, nobody_else=True))
    alone = course
    course = step(course, Seen(now_ms=5_000, most=4.0))

    assert (alone.effort, alone.batch_ms, alone.wants_quiet(60_000)) == (4.0, 0, False)
    assert course.effort <= FIRST * Tuning().rise
    assert course.batch_ms == SHORT_BATCH_MS
    assert course.wants_quiet(60_000)


def test_beside_others_more_than_one_lane_waits_for_a_few_comparisons() -> None:
    for seed in SEEDS:
        plant = Plant(seed=seed, load=lambda _: 0.1, cost=0.02, most=4.0)

        assert max(moment.effort for moment in plant.play(8)) <= 1.0
        assert max(moment.effort for moment in plant.play(60)) > 1.5


def test_where_a_commit_is_slow_a_batch_is_longer() -> None:
    slow_commits = Course(latency=Latency(alone_ms=8.0))

    assert slow_commits.batch_ms == COMMITS_TO_A_BATCH * 8
