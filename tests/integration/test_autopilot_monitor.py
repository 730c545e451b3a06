"""The monitor on a real database and a real Redis: one at a time, believed while fresh, and nobody works without it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
from redis.asyncio import Redis

from backfill.autopilot.monitor import Monitor
from backfill.autopilot.signals.checks import Check
from backfill.autopilot.watching import Watch
from backfill.engine.protocols import Advance, Totals
from backfill.runs.directive import FRESH_MS, Directive, Stopped, SwitchedOff
from backfill.runs.pace import AUTOPILOT, Pace
from backfill.runs.readings import Reading
from backfill.runs.record import Run
from backfill.sql.database import open_engine
from backfill.store.board import RedisBoard
from backfill.store.client import open_redis
from backfill.store.redis_store import RedisStore
from tests.support.store_model import BACKFILL, PLAN, claim_first_range, forget, pace_of
from tests.support.waiting import wait_until

PREFIX = "autopilot-test"
BY_AUTOPILOT = replace(pace_of(4), mode=AUTOPILOT)
STOP = Stopped(reading=Reading(signal="standbys", about="one", value=9e6, limit=8e6, unit="bytes"), since_ms=1)
GO = Directive(effort=4.0, runs=1)


@dataclass(slots=True)
class Place:
    """A Redis with the store and the board on a clock that the test may set; without, the server's."""

    redis: Redis
    ahead_ms: int = 0
    now_ms: int | None = None
    store: RedisStore = field(init=False)
    board: RedisBoard = field(init=False)

    def __post_init__(self) -> None:
        self.store = RedisStore(self.redis, prefix=PREFIX, lease_seconds=30, clock=self.clock)
        self.board = RedisBoard(self.redis, prefix=PREFIX, clock=self.clock)

    def clock(self) -> int:
        return time.time_ns() // 1_000_000 if self.now_ms is None else self.now_ms

    async def run(self, run_id: str) -> Run:
        run = await self.store.get(run_id)
        assert run is not None
        return run

    async def events(self, run_id: str) -> list[tuple[str, str]]:
        kinds = ("throttled", "unthrottled")
        return [(event.kind, event.about["reason"]) for event in await self.store.events(run_id) if event.kind in kinds]


@pytest.fixture
async def place(redis_url: str) -> AsyncIterator[Place]:
    redis = open_redis(redis_url, timeout_seconds=5.0)
    yield Place(redis=redis)
    await forget(redis, PREFIX)


@pytest.fixture
def stopped_clock(place: Place) -> Place:
    place.now_ms = 1_800_000_000_000
    return place


async def run_by_the_autopilot(place: Place, pace: Pace = BY_AUTOPILOT) -> str:
    created = await place.store.create(BACKFILL, pace, requested_by="test", idempotency_key=None)
    return created.run_id


@asynccontextmanager
async def monitor(
    place: Place, database: str, who: str, watch: Watch | None = None
) -> AsyncIterator[asyncio.Task[None]]:
    engines = {"": partial(open_engine, database, application_name=f"test-{who}")}
    one = Monitor(
        board=place.board, engines=engines, watch=watch or Watch(), who=who, backfills=names, wake=nobody_to_wake
    )
    task = asyncio.create_task(one.look_on())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def names() -> Sequence[str]:
    return [BACKFILL]


async def nobody_to_wake() -> None:
    """Nobody."""


async def test_nobody_works_before_a_monitor_has_looked_and_while_what_it_said_is_old(stopped_clock: Place) -> None:
    place = stopped_clock
    run_id = await run_by_the_autopilot(place)
    before = await place.store.claim(run_id, token="early")
    role = await place.board.take_role("one", [BACKFILL])
    assert role is not None
    await place.board.publish("one", GO, list(role.lanes))
    fresh = await place.store.claim(run_id, token="in-time")
    assert fresh is not None
    assert place.now_ms is not None
    place.now_ms += FRESH_MS + 1
    await place.store.release(fresh)

    assert before is None
    assert await place.store.vacancies(run_id) == 0
    assert "no fresh reading" in ((await place.run(run_id)).throttled_by or "")
    assert await place.store.claim(run_id, token="late") is None


async def test_a_fixed_pace_needs_no_monitor(stopped_clock: Place) -> None:
    run_id = await run_by_the_autopilot(stopped_clock, pace_of(1))

    assert await stopped_clock.store.claim(run_id, token="one") is not None
    assert await stopped_clock.board.take_role("one", [BACKFILL]) is None


async def test_a_stop_ends_the_slice_of_who_works_and_is_told_once(stopped_clock: Place) -> None:
    place = stopped_clock
    await say(place, GO)
    claim = await claim_first_range(place.store, BY_AUTOPILOT)
    await say(place, Directive(effort=1.0, runs=1, stops=[STOP]))
    verdict = await place.store.checkpoint(claim, 1, Advance(), Totals())
    await place.store.release(claim)
    assert place.now_ms is not None
    place.now_ms += 500
    await say(place, Directive(effort=1.0, runs=1, stops=[STOP]))
    stopped = await place.run(claim.run_id)
    refused = await place.store.claim(claim.run_id, token="second")
    await say(place, GO)

    assert verdict.stopped_by.startswith("standbys one: 8.6 MiB")
    assert (stopped.throttled_by, stopped.throttled_ms) == (verdict.stopped_by, 500)
    assert refused is None
    assert (await place.run(claim.run_id)).throttled_by is None
    assert await place.events(claim.run_id) == [("throttled", verdict.stopped_by), ("unthrottled", "standbys")]


async def say(place: Place, directive: Directive) -> None:
    """As the one monitor, whether or not there is a run already."""
    role = await place.board.take_role("one", [BACKFILL])
    if role is None:
        await place.redis.hset(f"{PREFIX}:autopilot", "monitor", "one 9999999999999")  # type: ignore[misc]
    assert (await place.board.publish("one", directive, list(role.lanes) if role else []))[0]


@pytest.mark.parametrize(("effort", "lanes"), [(0.3, 1), (1.0, 1), (1.5, 2), (4.0, 3)])
async def test_the_effort_decides_how_many_ranges_are_worked_on_and_how_long_each_rests(
    stopped_clock: Place, effort: float, lanes: int
) -> None:
    """The plan has three ranges."""
    place = stopped_clock
    await say(place, GO)
    first = await claim_first_range(place.store, BY_AUTOPILOT)
    await say(place, Directive(effort=effort, runs=1))
    others = [await place.store.claim(first.run_id, token=f"w{number}") for number in range(len(PLAN.spans))]
    verdict = await place.store.checkpoint(first, 1, Advance(), Totals())

    assert 1 + sum(claim is not None for claim in others) == lanes
    assert verdict.duty == pytest.approx(min(effort / lanes, 1))


@pytest.mark.parametrize(("batch_ms", "target_ms", "rests"), [(7, 7, True), (90, 25, True), (0, 25, False)])
async def test_beside_an_application_batches_are_short_and_without_one_as_the_pace_says(
    stopped_clock: Place, batch_ms: int, target_ms: int, rests: bool
) -> None:
    place = stopped_clock
    await say(place, GO)
    claim = await claim_first_range(place.store, replace(BY_AUTOPILOT, target_ms=25, pause_ms=0))
    await say(place, replace(GO, batch_ms=batch_ms))
    verdict = await place.store.checkpoint(claim, 1, Advance(), Totals())

    assert (verdict.pace_now.target_ms, verdict.pace_now.rests) == (target_ms, rests)
    assert verdict.pace.target_ms == 25


async def test_two_runs_share_the_effort() -> None:
    assert Directive(effort=1.0, runs=2).share == 0.5


async def test_who_has_lost_the_role_publishes_nothing(stopped_clock: Place) -> None:
    place = stopped_clock
    await run_by_the_autopilot(place)
    first = await place.board.take_role("one", [BACKFILL])
    assert first is not None
    assert await place.board.take_role("two", [BACKFILL]) is None
    assert place.now_ms is not None
    place.now_ms += FRESH_MS + 1
    second = await place.board.take_role("two", [BACKFILL])
    assert second is not None

    assert await place.board.publish("one", GO, list(first.lanes)) == (False, False)
    assert await place.board.publish("two", GO, list(second.lanes)) == (True, True)


async def test_a_monitor_looks_as_soon_as_there_is_a_run_and_another_takes_over_within_seconds(
    place: Place, database: str
) -> None:
    async with monitor(place, database, "one") as first:
        await run_by_the_autopilot(place)
        await wait_until(lambda: _is_looked_at_by(place, "one"), 20)
        async with monitor(place, database, "two"):
            first.cancel()
            await wait_until(lambda: _is_looked_at_by(place, "two"), 20)


async def _is_looked_at_by(place: Place, who: str) -> bool:
    said = await place.board.read()
    return said.is_fresh and said.monitor == who


async def test_the_monitor_measures_the_database_and_lets_work_begin(place: Place, database: str) -> None:
    async with monitor(place, database, "one"):
        run_id = await run_by_the_autopilot(place)
        await wait_until(lambda: _may_claim(place, run_id), 20)
        await wait_until(lambda: _slowdown_is_known(place), 30)
        said = await place.board.read()

    assert {reading["signal"] for reading in said.document["readings"]} >= {"blocked", "wal", "connections", "latency"}
    assert said.document["alone_ms"] > 0


async def _may_claim(place: Place, run_id: str) -> bool:
    return await place.store.claim(run_id, token="worker") is not None


async def _slowdown_is_known(place: Place) -> bool:
    return (await place.board.read()).document.get("slowdown") is not None


async def test_a_check_that_fails_stops_until_it_is_switched_off_by_name(place: Place, database: str) -> None:
    watch = Watch(checks=(Check(name="disk", sql="SELECT no_such_thing", every_seconds=0.2),))
    async with monitor(place, database, "one", watch):
        run_id = await run_by_the_autopilot(place)
        await wait_until(lambda: _is_stopped_by(place, "check-disk cannot be read"), 20)
        await place.board.switch_off(SwitchedOff(signal="check-disk", by="test", note="known", until_ms=0))
        await wait_until(lambda: _is_stopped_by(place, ""), 30)

        assert await place.store.claim(run_id, token="worker") is not None


async def _is_stopped_by(place: Place, words: str) -> bool:
    said = await place.board.read()
    return said.at_ms > 0 and (words in said.stopped_by if words else not said.stopped_by)


async def test_a_database_that_cannot_be_reached_is_a_stop(place: Place, database: str) -> None:
    nowhere = database.rpartition("@")[0] + "@127.0.0.1:9/nothing"
    async with monitor(place, nowhere, "one"):
        await run_by_the_autopilot(place)

        await wait_until(lambda: _is_stopped_by(place, "cannot be read"), 30)
