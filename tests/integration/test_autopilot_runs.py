"""Whole runs by the autopilot: real workers, a primary and its standby, and what happens to either of them."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from backfill.sql.database import open_engine
from backfill.store.board import RedisBoard
from backfill.store.client import open_redis
from tests.conftest import Spawn
from tests.support.commands import environment_for
from tests.support.databases import migrate, new_database
from tests.support.forked import backfill
from tests.support.own_servers import administrator
from tests.support.runs import WORKER, enqueue, status, until_ready, until_rows_done, wait_for_end
from tests.support.standby import Pair, primary_and_standby
from tests.support.waiting import wait_until
from worker.demo.children import Children
from worker.demo.old_application import Traffic
from worker.demo.old_data import OldDataShape, create_old_data
from worker.demo.traffic import start_traffic

SHAPE = OldDataShape(projects=1_000, generations=20_000)
MEBIBYTE = 1024 * 1024
LANES = 4
RUSH = Traffic(connections=8, transactions_per_second=200, deletes_percent=0)
# It takes two. The rest is for a machine that is busy.
GIVES_WAY_WITHIN_SECONDS = 15.0


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    # What autovacuum writes meanwhile is not what the run does to the standby.
    with primary_and_standby("autovacuum=off") as servers:
        yield servers


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    pair: Pair
    env: dict[str, str]

    async def standby_is_behind(self) -> int:
        """In bytes."""
        async with administrator(self.pair.primary_url) as session:
            return int(await session.fetchval("SELECT pg_current_wal_lsn() - replay_lsn FROM pg_stat_replication") or 0)


@pytest.fixture
async def place(pair: Pair, redis_url: str) -> AsyncIterator[Place]:
    """Rows to be filled in on the primary, and an environment without the fixed pace of other tests."""
    async with new_database(pair.primary_url) as url:
        migrate(url, "e011ab9dd223")
        engine = open_engine(url, application_name="test-old-data", command_timeout_seconds=None)
        await create_old_data(engine, SHAPE)
        await engine.dispose()
        migrate(url, "head")
        env = environment_for(database_url=url, redis_url=redis_url, BACKFILL_PACE="autopilot")
        # The latency of a machine that runs tests is no measure of anything.
        yield Place(pair=pair, env=env | {"BACKFILL_PARALLEL": "1", "BACKFILL_SIGNALS_OFF": "latency"})


@asynccontextmanager
async def board_of(env: dict[str, str]) -> AsyncIterator[RedisBoard]:
    redis = open_redis(env["REDIS_URL"], timeout_seconds=5.0)
    try:
        yield RedisBoard(redis, prefix="backfill")
    finally:
        await redis.aclose(close_connection_pool=True)


def throttle(env: dict[str, str], *options: str) -> dict[str, Any]:
    done = backfill("throttle", "--json", *options, env=env)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def throttled_by(env: dict[str, str], run_id: str) -> str:
    return str(status(env, run_id)["pace"]["throttled_by"] or "")


async def test_a_standby_that_stops_its_replay_stops_the_run_within_sixteen_mebibytes_and_it_goes_on_by_itself(
    place: Place, spawn: Spawn
) -> None:
    await until_ready(spawn(*WORKER, env=place.env))
    await wait_until(lambda: _has_caught_up(place), 60)
    run_id = enqueue(place.env)["id"]
    await until_rows_done(place.env, run_id, 500)
    async with administrator(place.pair.standby_url) as standby:
        behind = await place.standby_is_behind()
        await standby.execute("SELECT pg_wal_replay_pause()")
        # The run becomes slower and slower before it stops, and a busy machine makes it slower still.
        await wait_until(lambda: "standbys" in throttled_by(place.env, run_id), 180)
        await wait_until(lambda: _nobody_works(place, run_id), 60)
        most = await place.standby_is_behind()
        rows = status(place.env, run_id)["progress"]["rows_done"]
        shown = throttle(place.env)
        await standby.execute("SELECT pg_wal_replay_resume()")
    ended = await asyncio.to_thread(wait_for_end, place.env, run_id)

    sys.stdout.write(f"fell {(most - behind) / MEBIBYTE:.1f} MiB further behind, of {rows} rows\n")
    assert most - behind < 16 * MEBIBYTE
    assert rows < SHAPE.generations
    assert [stop["signal"] for stop in shown["stops"]] == ["standbys"]
    assert ended["state"] == "succeeded"
    assert ended["progress"]["throttled_seconds"] > 0


async def _has_caught_up(place: Place) -> bool:
    return await place.standby_is_behind() < MEBIBYTE


async def _nobody_works(place: Place, run_id: str) -> bool:
    before = status(place.env, run_id)["progress"]["rows_done"]
    await asyncio.to_thread(backfill, "throttle", env=place.env)  # takes about as long as a batch or two
    return bool(status(place.env, run_id)["progress"]["rows_done"] == before)


async def test_the_worker_that_looks_is_killed_and_another_looks_within_seconds(place: Place, spawn: Spawn) -> None:
    first = spawn(*WORKER, env=place.env)
    await until_ready(first)
    # Slowly: it must not be over before another worker has started and looks, on a busy machine either.
    run_id = enqueue(place.env, "--rows-per-second", "200")["id"]
    await wait_until(lambda: throttle(place.env)["fresh"], 60)
    looked = throttle(place.env)["monitor"]
    await until_ready(spawn(*WORKER, env=place.env))
    first.kill()
    first.wait()
    await wait_until(lambda: throttle(place.env)["monitor"] not in (looked, None) and throttle(place.env)["fresh"], 60)
    backfill("set", run_id, "--rows-per-second", "0", env=place.env)

    assert (await asyncio.to_thread(wait_for_end, place.env, run_id))["state"] == "succeeded"


async def test_a_signal_is_switched_off_by_name_with_a_reason(place: Place) -> None:
    refused = backfill("throttle", "--off", "standbys", env=place.env)
    off = throttle(place.env, "--off", "standbys", "--note", "known to be down", "--set", "slot_bytes=64MiB")
    on = throttle(place.env, "--on", "standbys", "--reset", "slot_bytes")

    assert (refused.returncode, "Say why" in refused.stderr) == (2, True)
    assert [(one["signal"], one.get("note")) for one in off["off"]][-1] == ("standbys", "known to be down")
    assert (off["limits"]["slot_bytes"], on["limits"]["slot_bytes"]) == (64 * MEBIBYTE, 16 * MEBIBYTE)
    assert [one["signal"] for one in on["off"]] == ["latency"]


async def test_a_run_at_full_pace_gives_way_within_seconds_to_an_application_that_comes(
    place: Place, spawn: Spawn
) -> None:
    env = place.env | {"BACKFILL_SIGNALS_OFF": ""}
    await until_ready(spawn(*WORKER, env=env))
    async with board_of(env) as board, Children(env) as children:
        enqueue(env, "--parallel", str(LANES), "--rows-per-second", "200")
        await wait_until(lambda: _allows(board, lanes=LANES, batch_ms=0), 60)
        began = time.monotonic()
        application = await start_traffic(children, RUSH, "sudden")
        await wait_until(lambda: _gives_way(board), GIVES_WAY_WITHIN_SECONDS)
        seconds = time.monotonic() - began
        await application.phase("given_way")
        at_ms = (await board.read()).at_ms
        await wait_until(lambda: _is_later(board, at_ms + 3_000), 30)
        told = [f"{one.phase} {one.p99_ms} ms" for one in await application.stop()]

    sys.stdout.write(f"gave way after {seconds:.1f} s; the application's p99: {', '.join(told)}\n")


async def _allows(board: RedisBoard, *, lanes: float, batch_ms: int) -> bool:
    said = await board.read()
    return said.is_fresh and (said.document["effort"], said.document["batch_ms"]) == (lanes, batch_ms)


async def _gives_way(board: RedisBoard) -> bool:
    said = await board.read()
    return bool(said.document["effort"] <= LANES / 2 and said.document["batch_ms"] > 0)


async def _is_later(board: RedisBoard, at_ms: int) -> bool:
    return (await board.read()).at_ms >= at_ms
