"""Runs by the autopilot on several databases: real workers, real clusters, and what happens to one of them."""

from __future__ import annotations

import json
from typing import Any

from backfill.embedded.server import Server
from tests.conftest import Spawn
from tests.support.forked import backfill
from tests.support.own_servers import administrator
from tests.support.runs import WORKER, status, until_ready, until_rows_done
from tests.support.several_servers import HERE, ROWS, SLOWLY, THERE, Place, together
from tests.support.waiting import wait_until


async def test_two_databases_of_one_cluster_are_looked_at_together_and_share_its_lanes(
    one_cluster: Place, spawn: Spawn
) -> None:
    place = one_cluster
    lanes: list[tuple[int, float]] = []
    place.env.update({"BACKFILL_LEAST_LANES": "1", "BACKFILL_SLICE_SECONDS": "0.5"})
    for _ in range(2):
        await until_ready(spawn(*WORKER, env=place.env))

    async def is_kept() -> bool:
        at_work, effort = await together(redis, runs)
        return 0 < at_work <= effort

    async def seen_often() -> bool:
        if (one := await together(redis, runs))[0]:
            lanes.append(one)
        return len(lanes) >= 100

    # The session is an application's: without one there is nobody to be considerate of.
    async with administrator(place.first), place.redis() as redis:
        runs = [place.start(name, "--parallel", "4", *SLOWLY) for name in (HERE, THERE)]
        await wait_until(is_kept, 60)
        await wait_until(seen_often, 60)
        shown = place.throttle()
        boards = [key async for key in redis.scan_iter("backfill:autopilot*") if "@" in key]
        for run_id in runs:
            place.hurry(run_id)
        ended = [await place.end(run_id) for run_id in runs]

    names = [reading["signal"] + " " + reading["about"] for reading in shown["readings"]]
    assert [one["databases"] for one in shown["servers"]] == [["DATABASE_URL", "billing"]]
    assert boards == []
    assert names.count("wal ") == 1
    assert {"blocked ", "blocked in billing"} <= set(names)
    assert {effort for _, effort in lanes} == {2.0}
    assert not [at_work for at_work, effort in lanes if at_work > effort]
    assert [run["state"] for run in ended] == ["succeeded"] * 2


async def test_a_canary_of_one_cluster_stops_the_runs_there_alone(two_clusters: Place, spawn: Spawn) -> None:
    place = two_clusters
    await until_ready(spawn(*WORKER, env=place.env))
    here, there = place.start(HERE, *SLOWLY), place.start(THERE, *SLOWLY)
    for run_id in (here, there):
        await until_rows_done(place.env, run_id, 40)
    async with administrator(place.first) as application:
        await application.execute("INSERT INTO canary VALUES (1)")
        await wait_until(lambda: place.throttled_by(here) == "check-canary", 30)
        seen, shown = place.servers(), backfill("throttle", env=place.env).stdout
        place.hurry(there)
        ended = await place.end(there)
        stopped = status(place.env, here)
        await application.execute("DELETE FROM canary")
    place.hurry(here)

    assert ended["state"] == "succeeded"
    assert (stopped["state"], ended["pace"]["throttled_by"]) == ("running", None)
    assert [stop["signal"] for stop in seen["DATABASE_URL"]["stops"]] == ["check-canary"]
    assert seen["billing"]["stops"] == []
    assert "check-canary" not in {reading["signal"] for reading in seen["billing"]["readings"]}
    assert ("Server of DATABASE_URL\n" in shown, "Server of billing\n" in shown) == (True, True)
    assert (await place.end(here))["state"] == "succeeded"


async def test_the_monitor_of_each_server_is_taken_over_when_its_worker_is_killed(
    two_clusters: Place, spawn: Spawn
) -> None:
    place = two_clusters
    first = spawn(*WORKER, env=place.env)
    await until_ready(first)
    runs = [place.start(name, *SLOWLY) for name in (HERE, THERE)]
    await wait_until(lambda: all(one["fresh"] for one in place.servers().values()) and len(place.servers()) == 2, 30)
    before = {name: one["monitor"] for name, one in place.servers().items()}
    await until_ready(spawn(*WORKER, env=place.env))
    first.kill()
    first.wait()

    def taken_over() -> bool:
        now = place.servers()
        return all(now[name]["fresh"] and now[name]["monitor"] not in (None, before[name]) for name in before)

    await wait_until(taken_over, 30)
    for run_id in runs:
        place.hurry(run_id)

    assert len(set(before.values())) == 1
    assert [(await place.end(run_id))["state"] for run_id in runs] == ["succeeded"] * 2


async def test_a_server_that_is_gone_stops_its_own_runs_and_they_go_on_when_it_is_back(
    two_clusters: Place, another: Server, spawn: Spawn
) -> None:
    place = two_clusters
    await until_ready(spawn(*WORKER, env=place.env))
    here, there = place.start(HERE, *SLOWLY), place.start(THERE, *SLOWLY)
    for run_id in (here, there):
        await until_rows_done(place.env, run_id, 40)
    another.ask_to_stop()
    another.wait_stopped()
    try:
        await wait_until(lambda: "cannot be read" in place.throttled_by(there), 60)
        place.hurry(here)
        ended = await place.end(here)
        stopped = status(place.env, there)
    finally:
        another.start()
    place.hurry(there)

    assert (ended["state"], ended["pace"]["throttled_by"]) == ("succeeded", None)
    assert stopped["progress"]["rows_done"] < ROWS
    assert (await place.end(there))["state"] == "succeeded"


async def test_a_server_that_was_down_when_the_worker_started_is_found_when_it_is_there(
    two_clusters: Place, another: Server, spawn: Spawn
) -> None:
    place = two_clusters
    there = place.start(THERE)
    another.ask_to_stop()
    another.wait_stopped()
    try:
        await until_ready(spawn(*WORKER, env=place.env))
        here = await place.end(place.start(HERE))
        unknown = place.servers()["billing"]
        refused = backfill("throttle", "--database", "nowhere", "--set", "slot_bytes=1MiB", env=place.env)
    finally:
        another.start()

    assert (here["state"], unknown["fresh"], unknown["monitor"]) == ("succeeded", False, None)
    assert (refused.returncode, "There are DATABASE_URL, billing" in refused.stderr) == (2, True)
    assert (await place.end(there))["state"] == "succeeded"


async def test_a_limit_and_a_switch_are_for_all_servers_or_for_the_one_of_a_database(
    two_clusters: Place, spawn: Spawn
) -> None:
    place = two_clusters
    worker = spawn(*WORKER, env=place.env)
    await until_ready(worker)
    await wait_until(lambda: place.keys() == {"DATABASE_URL", "billing"}, 30)
    only = ("--database", "billing")
    place.throttle("--set", "slot_bytes=64MiB", "--off", "slots", "--note", "known")
    one = place.throttle("--set", "slot_bytes=1MiB", "--off", "wal", "--note", "known", *only)
    both = place.servers()

    limits = {name: said["limits"]["slot_bytes"] for name, said in both.items()}
    off = {name: [said["signal"] for said in one["off"] if said["by"] != "settings"] for name, one in both.items()}
    assert limits == {"DATABASE_URL": 64 * 1024 * 1024, "billing": 1024 * 1024}
    assert off == {"DATABASE_URL": ["slots"], "billing": ["slots", "wal"]}
    assert [said["databases"] for said in one["servers"]] == [["billing"]]
    assert one["limits"]["slot_bytes"] == 1024 * 1024
    async with place.redis() as redis:
        keys = [key async for key in redis.scan_iter("*") if "@" in key]
    assert keys
    assert not [key for key in keys if "someone" in key or "postgres:" in key or "/" in key]


async def test_a_preview_shows_the_signals_of_the_definitions_own_database(two_clusters: Place) -> None:
    done = backfill("preview", THERE, "--seconds", "0.2", "--json", env=two_clusters.env)
    here = backfill("preview", HERE, "--seconds", "0.2", "--json", env=two_clusters.env)
    names = [{reading["about"] for reading in _seen(one.stdout, "blocked")} for one in (done, here)]

    assert names == [{"in billing"}, {""}]


def _seen(document: str, signal: str) -> list[dict[str, Any]]:
    readings: list[dict[str, Any]] = json.loads(document)["autopilot"]["readings"]
    return [reading for reading in readings if reading["signal"] == signal]
