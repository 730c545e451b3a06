"""Parameters and versions of runs on the real store, and by real commands and workers of several versions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from backfill.engine.serving import Serving
from backfill.runs.attention import Kind
from backfill.runs.pace import AUTOPILOT
from backfill.runs.states import Action, State
from backfill.runs.terms import Terms
from backfill.runs.workers import WorkerRecord
from backfill.store.client import open_redis
from backfill.store.redis_store import RedisStore
from tests.conftest import Spawn
from tests.support.commands import Spawned
from tests.support.forked import backfill
from tests.support.old_rows import OldRows
from tests.support.parametric import NAME, PLACE
from tests.support.runs import WORKER, status, until_ready, wait_for_end
from tests.support.store_model import forget, pace_of
from tests.support.waiting import wait_until

PREFIX = "terms-test"
OF_AUSTRIA = Terms(parameters='{"country":"AT"}')
FIELDS_OF_TERMS = ("version", "parameters")


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    opened = open_redis(redis_url, timeout_seconds=5.0)
    yield opened
    await forget(opened, PREFIX)


@pytest.fixture
def store(redis: Redis) -> RedisStore:
    return RedisStore(redis, prefix=PREFIX, lease_seconds=30)


async def created(store: RedisStore, terms: Terms | None = None) -> str:
    asked = await store.create(NAME, pace_of(1), requested_by="test", idempotency_key=None, terms=terms)
    assert asked.is_new
    return asked.run_id


@pytest.mark.parametrize("terms", [Terms(), OF_AUSTRIA, Terms(version="2"), Terms(version="2", parameters='{"a":1}')])
async def test_a_run_keeps_what_it_was_started_with_and_hands_it_to_workers(store: RedisStore, terms: Terms) -> None:
    run_id = await created(store, terms)

    run, claim = await store.get(run_id), await store.claim(run_id, token="t")

    assert run is not None and claim is not None  # noqa: PT018 - both or none
    assert (run.terms, run.backfill) == (claim.terms, claim.backfill) == (terms, NAME)
    assert await store.active_ids([NAME]) == {NAME: run_id}


@pytest.mark.parametrize(("terms", "takes"), [(Terms(), True), (OF_AUSTRIA, False), (Terms(version="2"), False)])
async def test_what_a_release_without_versions_cannot_do_right_is_rung_for_under_a_name_that_it_does_not_serve(
    redis: Redis, store: RedisStore, terms: Terms, takes: bool
) -> None:
    run_id = await created(store, terms)

    rung_for = await redis.hget(f"{PREFIX}:run:{run_id}", "backfill")  # type: ignore[misc]  # redis-py's two kinds

    assert (rung_for == NAME) == takes  # as the worker of that release compares it with what it knows
    assert rung_for == await store.address_of(run_id)


async def test_a_run_that_a_release_without_versions_started_goes_on(redis: Redis, store: RedisStore) -> None:
    run_id = await created(store)
    await redis.hdel(f"{PREFIX}:run:{run_id}", *FIELDS_OF_TERMS)  # type: ignore[misc]

    run, claim = await store.get(run_id), await store.claim(run_id, token="t")

    assert run is not None and claim is not None  # noqa: PT018 - both or none
    assert run.terms == claim.terms == Terms()
    assert Serving([NAME]).may_take(await store.address_of(run_id) or "")


async def test_a_run_that_a_release_without_versions_ended_is_in_nobodys_way(redis: Redis, store: RedisStore) -> None:
    ended = await created(store, OF_AUSTRIA)
    await redis.hset(f"{PREFIX}:run:{ended}", "state", "cancelled")  # type: ignore[misc]

    again = await created(store, OF_AUSTRIA)
    await redis.hset(f"{PREFIX}:run:{again}", "state", "cancelled")  # type: ignore[misc]
    await store.vacancies(again)

    assert await store.active_ids([NAME]) == {}


async def test_the_name_of_a_versioned_run_is_free_again_when_it_has_ended(store: RedisStore) -> None:
    run_id = await created(store, Terms(version="2"))

    await store.act(run_id, Action.CANCEL, who="test")

    run = await store.get(run_id)
    assert run is not None
    assert run.state is State.CANCELLED
    assert await store.active_ids([NAME]) == {}


@pytest.mark.parametrize(
    ("known", "address", "takes"),
    [
        ("1", NAME, True),
        ("1", f"{NAME}@1", True),
        ("1", f"{NAME}@2", False),
        ("2", f"{NAME}@2", True),
        ("2", NAME, False),
    ],
)
def test_a_worker_takes_runs_of_the_version_that_it_has(known: str, address: str, takes: bool) -> None:
    serving = Serving([NAME], versions={NAME: known})

    assert serving.may_take(address) == serving.takes(address) == takes
    assert serving.not_served == {}


@pytest.mark.parametrize(
    ("record", "plain", "of_2"),
    [
        ({"version": "0.1.0", "backfills": (NAME,)}, True, False),
        ({"version": "0.1.0", "backfills": (NAME,), "versions": {NAME: "2"}}, False, True),
        ({"version": None}, True, False),
        ({"version": "0.1.0"}, False, False),
    ],
)
def test_who_is_counted_as_a_worker_of_a_run(record: dict[str, Any], plain: bool, of_2: bool) -> None:
    worker = WorkerRecord(id="h:1:a", host="h", pid=1, **record)

    assert (worker.may_serve(NAME), worker.may_serve(f"{NAME}@2")) == (plain, of_2)


class Processes:
    """Commands and workers on one database, each with the version of the definition that it is said to have."""

    def __init__(self, environment: dict[str, str], spawn: Spawn) -> None:
        self.environment = environment | {"BACKFILL_DEFINITIONS": PLACE}
        self._spawn = spawn

    async def worker(self, version: str) -> Spawned:
        worker = self._spawn(*WORKER, env=self.environment | {"DEFINITION_VERSION": version})
        await until_ready(worker)
        return worker

    def run(self, *arguments: str, version: str = "1") -> tuple[int, dict[str, Any], str]:
        done = backfill(*arguments, env=self.environment | {"DEFINITION_VERSION": version})
        return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {}, done.stderr


@pytest.fixture
async def processes(rows: OldRows, environment: dict[str, str], spawn: Spawn) -> Processes:
    await rows.add_project("p", minute=0)
    await rows.add_many("p", 30)
    await rows.connection.execute("CREATE TABLE bound (country text, version text, pid int)")
    return Processes(environment, spawn)


async def bound(rows: OldRows) -> list[asyncpg.Record]:
    return [tuple(row) for row in await rows.connection.fetch("SELECT country, version, pid FROM bound")]


async def test_workers_of_two_versions_take_each_the_runs_of_its_own(processes: Processes, rows: OldRows) -> None:
    first = await processes.worker("1")
    _, run, _ = processes.run("enqueue", NAME, "-p", "country=AT", "--json", version="2")
    await wait_until(lambda: _attention(processes, run["id"]) == Kind.OTHER_VERSION)
    sentence = status(processes.environment, run["id"])["attention"]["sentence"]

    second = await processes.worker("2")
    ended = wait_for_end(processes.environment, run["id"])

    assert f"Run {run['id']} is of version 2 of {NAME}, and the worker that is alive is not" in sentence
    assert f":{first.pid} (version 1)" in sentence
    assert (ended["state"], ended["parameters"]["country"], ended["version"]) == ("succeeded", "AT", "2")
    assert await bound(rows) == [("AT", "2", second.pid)]
    assert "slice done" not in first.log


def _attention(processes: Processes, run_id: str) -> str | None:
    attention: dict[str, str] | None = status(processes.environment, run_id)["attention"]
    return None if attention is None else attention["kind"]


async def test_parameters_are_given_by_options_and_by_a_file_and_are_shown(processes: Processes, tmp_path: Any) -> None:
    (tmp_path / "given.json").write_text('{"country": "DE", "limit": 7}')

    code, run, _ = processes.run("enqueue", NAME, "--params", str(tmp_path / "given.json"), "-p", "limit=9", "--json")

    kept = {"country": "DE", "limit": 9, "since": "2026-01-01", "mode": "all", "dry": False}
    assert (code, run["parameters"]) == (0, kept)
    shown = backfill("status", run["id"], env=processes.environment).stdout
    listed = backfill("status", "--all", env=processes.environment).stdout
    assert 'country="DE"' in shown
    assert 'country="DE"' in listed


async def test_what_is_wrong_with_parameters_is_told_by_name_and_starts_nothing(processes: Processes) -> None:
    code, _, told = processes.run("enqueue", NAME, "-p", "limit=1000", "-p", "colour=red")

    assert code == 2
    for words in ("country: Field required", "limit: Input should be less than", "colour: There is no such parameter"):
        assert words in told
    assert processes.run("status")[0] == 4


async def test_a_run_with_other_parameters_is_told_what_differs(processes: Processes) -> None:
    _, run, _ = processes.run("enqueue", NAME, "-p", "country=AT", "--idempotency-key", "k", "--json")

    second = processes.run("enqueue", NAME, "-p", "country=DE")
    same_key = processes.run("enqueue", NAME, "-p", "country=DE", "--idempotency-key", "k")
    repeated = processes.run("enqueue", NAME, "-p", "country=AT", "--idempotency-key", "k", "--json")

    assert second[0] == same_key[0] == 5
    assert f'Run {run["id"]} of {NAME} is active with other parameters (country is "AT", not "DE")' in second[2]
    assert f'for run {run["id"]} with other parameters: country is "AT", not "DE"' in same_key[2]
    assert repeated[1]["id"] == run["id"]


async def test_preview_and_verify_take_the_same_options(processes: Processes) -> None:
    preview = processes.run("preview", NAME, "-p", "country=AT", "--seconds", "0", "--json")
    verify = processes.run("verify", "--backfill", NAME, "-p", "country=AT", "--json")
    refused = [processes.run(*command)[0] for command in (("preview", NAME), ("verify", "--backfill", NAME))]

    assert (preview[0], preview[1]["parameters"]["country"]) == (0, "AT")
    assert (verify[0], refused) == (3, [2, 2])


async def test_a_pace_that_a_release_without_modes_cannot_keep_is_kept_from_its_workers(
    redis: Redis, store: RedisStore
) -> None:
    by_autopilot = replace(pace_of(1), mode=AUTOPILOT)
    run_id = await created(store)
    before = await redis.hmget(f"{PREFIX}:run:{run_id}", ["backfill", "pace"])  # type: ignore[misc]

    await store.set_pace(run_id, by_autopilot, who="test")

    assert (before[0], "mode" in json.loads(before[1])) == (NAME, False)
    assert await store.address_of(run_id) == f"{NAME}@1"
    run = await store.get(run_id)
    assert run is not None
    assert (run.address, run.backfill, run.pace) == (f"{NAME}@1", NAME, by_autopilot)
