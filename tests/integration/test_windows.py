"""Runs that work within a window only: by a store with a clock of the test's, and by real workers."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from backfill.engine.protocols import Advance, Totals
from backfill.engine.serving import Serving
from backfill.runs.pace import AUTOPILOT
from backfill.runs.schedule import Schedule
from backfill.runs.states import Action
from backfill.runs.telling import sentence_of
from backfill.runs.terms import Terms
from backfill.runs.window import FOREVER_MS
from backfill.store.board import RedisBoard
from backfill.store.client import open_redis
from backfill.store.redis_store import RedisStore
from tests.conftest import Spawn
from tests.support.forked import backfill
from tests.support.old_rows import OldRows
from tests.support.runs import WORKER, enqueue, until_ready, wait_for_end
from tests.support.store_model import BACKFILL, PLAN, forget, pace_of
from tests.support.waiting import wait_until

PREFIX = "windows-test"
NIGHTS = "mon-fri 22:00-06:00 Europe/Vienna"
HOUR_MS = 3_600_000


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


SATURDAY, MONDAY_NIGHT = ms("2026-11-28T12:00"), ms("2026-11-30T21:00")


class Place:
    """A store whose clock the test sets, with a run that works at night."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.now_ms = SATURDAY
        self.store = RedisStore(redis, prefix=PREFIX, lease_seconds=30, clock=lambda: self.now_ms)
        self.run_id = ""

    async def create(self, schedule: Schedule, **pace: Any) -> None:
        made = await self.store.create(
            BACKFILL, pace_of(1).with_changes(pace), requested_by="test", idempotency_key=None, schedule=schedule
        )
        self.run_id = made.run_id

    async def told(self) -> list[str]:
        return [sentence_of(event.kind, event.about) for event in await self.store.events(self.run_id)]

    async def waits(self) -> str:
        run = await self.store.get(self.run_id)
        assert run is not None
        return run.waits


@pytest.fixture
async def place(redis_url: str) -> AsyncIterator[Place]:
    redis = open_redis(redis_url, timeout_seconds=5.0)
    made = Place(redis)
    await made.create(Schedule(window=NIGHTS))
    yield made
    await forget(redis, PREFIX)


async def test_nobody_gets_a_lease_outside_and_the_run_says_until_when(place: Place) -> None:
    rung = await place.store.vacancies(place.run_id)
    claimed = await place.store.claim(place.run_id, token="w")

    assert (rung, claimed) == (0, None)
    assert await place.waits() == "outside its window until Mon 2026-11-30 22:00 Europe/Vienna"
    assert (await place.told())[-1] == "Outside its window until 2026-11-30 21:00:00 UTC."

    place.now_ms = MONDAY_NIGHT
    rung, claimed = await place.store.vacancies(place.run_id), await place.store.claim(place.run_id, token="w")

    assert rung == 1
    assert claimed is not None
    assert claimed.open_ms == 8 * HOUR_MS
    assert await place.waits() == ""
    assert "Within its window until 2026-12-01 05:00:00 UTC." in await place.told()


async def test_a_batch_that_is_in_flight_when_the_window_closes_counts_and_is_the_last(place: Place) -> None:
    place.now_ms = MONDAY_NIGHT + 8 * HOUR_MS - 1_000
    planning = await place.store.claim(place.run_id, token="w")
    assert planning is not None
    await place.store.save_plan(planning, PLAN)
    await place.store.release(planning)
    claim = await place.store.claim(place.run_id, token="w")
    assert claim is not None
    within = await place.store.checkpoint(claim, 1, Advance(rows=5), Totals(rows=5))

    place.now_ms += 1_000
    after = await place.store.checkpoint(claim, 2, Advance(rows=5), Totals(rows=10))
    await place.store.release(claim)

    run = await place.store.get(place.run_id)
    assert run is not None
    assert [(one.held, one.open_ms) for one in (within, after)] == [(True, 1_000), (True, 0)]
    assert (run.state, run.counts.rows_done) == ("running", 10)
    assert await place.store.claim(place.run_id, token="w") is None


async def test_a_run_of_months_finds_its_window_again_every_night(place: Place) -> None:
    for nights in (0, 1, 4, 11, 60, 64):  # a Monday or a Friday, over the change of the year
        place.now_ms = MONDAY_NIGHT + nights * 24 * HOUR_MS + 60_000
        at_night = await place.store.vacancies(place.run_id)
        place.now_ms += 9 * HOUR_MS
        by_day = await place.store.vacancies(place.run_id)

        weekday = (nights % 7) < 5
        assert (at_night, by_day) == (int(weekday), 0), nights


async def test_what_is_begun_is_finished_outside_when_the_run_is_cancelled(place: Place) -> None:
    await place.store.act(place.run_id, Action.CANCEL, who="test")

    run = await place.store.get(place.run_id)
    assert run is not None
    assert (run.state, run.waits) == ("cancelled", "")


async def test_nobody_looks_at_the_database_for_a_run_that_is_outside(place: Place) -> None:
    board = RedisBoard(place.redis, prefix=PREFIX, clock=lambda: place.now_ms)
    await place.store.set_pace(place.run_id, pace_of(1).with_changes({"mode": AUTOPILOT}), who="test")

    assert await board.take_role("w", [BACKFILL]) is None
    place.now_ms = MONDAY_NIGHT
    role = await board.take_role("w", [BACKFILL])
    assert role is not None
    assert list(role.lanes) == [place.run_id]


async def test_not_before_holds_once_and_goes_away_with_now(place: Place) -> None:
    changed = await place.store.set_schedule(place.run_id, Schedule(not_before_ms=SATURDAY + HOUR_MS), who="ann")
    before = await place.store.claim(place.run_id, token="w")
    words = await place.waits()
    await place.store.set_schedule(place.run_id, Schedule(), who="ann")
    after = await place.store.claim(place.run_id, token="w")

    assert (changed, before, words) == (True, None, "not to begin before Sat 2026-11-28 13:00 UTC")
    assert after is not None
    assert after.open_ms == FOREVER_MS - SATURDAY
    told = await place.told()
    assert "When it works was changed by ann. Not before 2026-11-28 13:00:00 UTC." in told
    assert "When it works was changed by ann. At any time." in told


async def test_workers_of_a_release_without_windows_are_not_shown_such_a_run(place: Place) -> None:
    address = await place.store.address_of(place.run_id)
    await place.store.act(place.run_id, Action.CANCEL, who="test")
    await place.create(Schedule())
    before = await place.store.address_of(place.run_id)
    await place.store.set_schedule(place.run_id, Schedule(window=NIGHTS), who="test")

    assert (before, await place.store.address_of(place.run_id)) == (BACKFILL, address)
    assert address == Terms().address(BACKFILL, scheduled=True) == f"{BACKFILL}@1@scheduled"
    assert Serving([BACKFILL]).takes(address)
    assert not Serving([BACKFILL], versions={BACKFILL: "2"}).takes(address)


def status(env: dict[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(backfill("status", "--json", env=env).stdout)
    return document


def held_by_workers(env: dict[str, str]) -> list[Any]:
    workers = json.loads(backfill("workers", "--json", env=env).stdout)["workers"]
    return [held for worker in workers for held in worker["holds"]]


def closed_now() -> str:
    """An hour of the day that is hours away."""
    opens = datetime.now(UTC) + timedelta(hours=6)
    return f"{opens:%H}:00-{opens:%H}:59"


async def test_a_worker_rests_outside_without_a_lease_and_goes_on_when_the_window_opens(
    rows: OldRows, environment: dict[str, str], spawn: Spawn
) -> None:
    for number in range(8):
        await rows.add_project(f"p{number}", minute=number)
        await rows.add_many(f"p{number}", 60)
    await until_ready(spawn(*WORKER, env=environment))
    run = enqueue(environment, "--rows-per-second", "40", "--batch-rows", "10", "--not-before", "2033-01-01")
    redis = open_redis(environment["REDIS_URL"], timeout_seconds=5.0)
    store = RedisStore(redis, prefix="backfill", lease_seconds=3)
    seconds, micros = await redis.time()
    opens_ms = int(seconds) * 1000 + int(micros) // 1000 + 2_000
    await store.set_schedule(run["id"], Schedule(not_before_ms=opens_ms), who="test")
    await wait_until(lambda: status(environment)["progress"]["rows_done"] > 0, 40)

    changed = backfill("set", "--window", closed_now(), "--note", "CHG-1", env=environment)
    await wait_until(lambda: not held_by_workers(environment), 40)
    resting = status(environment)
    shown = backfill("status", env=environment).stdout
    opened = backfill("set", "--window", "always", "--rows-per-second", "0", env=environment)
    ended = await asyncio.to_thread(wait_for_end, environment, run["id"])

    await redis.aclose(close_connection_pool=True)
    assert run["schedule"]["waits"] == "not to begin before Sat 2033-01-01 00:00 UTC"
    assert changed.returncode == opened.returncode == 0, changed.stderr + opened.stderr
    assert (resting["state"], resting["schedule"]["open"], resting["attention"]) == ("running", False, None)
    assert resting["progress"]["rows_done"] < resting["progress"]["rows_total"]
    assert re.search(r"^  now +outside its window until ", shown, re.MULTILINE)
    assert ended["state"] == "succeeded"
    assert datetime.fromisoformat(ended["started_at"]).timestamp() * 1000 >= opens_ms
