"""One service for several databases: each definition on its own, and nothing of one in the way of another."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis

from backfill.urls import ServerUrls
from tests.conftest import Spawn
from tests.support.commands import environment_for
from tests.support.databases import new_database
from tests.support.forked import backfill
from tests.support.runs import WORKER, until_ready
from tests.support.two_databases import PLACE, ROWS, TABLES_HERE, TABLES_THERE

HERE, THERE = "names-lowered", "titles-lowered"
NO_SERVER = "postgresql://someone:hunter2@127.0.0.1:1/billing"


@pytest.fixture
async def first(servers: ServerUrls) -> AsyncIterator[str]:
    async with new_database(servers.database_url) as url:
        await execute(url, TABLES_HERE)
        yield url


@pytest.fixture
async def second(servers: ServerUrls) -> AsyncIterator[str]:
    async with new_database(servers.database_url) as url:
        await execute(url, TABLES_THERE)
        yield url


async def execute(url: str, statements: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await (connection.fetchval if statements.startswith("SELECT") else connection.execute)(statements)
    finally:
        await connection.close()


def environment(first: str, redis_url: str, **more: str) -> dict[str, str]:
    return environment_for(database_url=first, redis_url=redis_url) | {"BACKFILL_DEFINITIONS": PLACE, **more}


def answer(*arguments: str, env: dict[str, str]) -> Any:
    done = backfill(*arguments, "--json", env=env)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


async def test_a_run_is_on_the_database_that_its_definition_names_and_says_so(
    first: str, second: str, redis_url: str, spawn: Spawn, tmp_path: Path
) -> None:
    secret = tmp_path / "databases"
    secret.write_text(f"billing={second}\n", encoding="utf-8")
    env = environment(first, redis_url, DATABASES_FILE=str(secret))
    worker = spawn(*WORKER, env=env)
    await until_ready(worker)

    started = {name: answer("enqueue", name, env=env) for name in (HERE, THERE)}
    ended = {name: answer("wait", run["id"], "--timeout", "120", env=env) for name, run in started.items()}

    assert {name: (run["state"], run["database"]) for name, run in ended.items()} == {
        HERE: ("succeeded", None),
        THERE: ("succeeded", "billing"),
    }
    assert await execute(first, "SELECT count(*) FROM customers WHERE low = lower(name)") == ROWS
    assert await execute(second, "SELECT count(*) FROM accounts.invoices WHERE low = lower(title)") == ROWS
    listed = answer("list", env=env)["backfills"]
    assert {one["name"]: one["database"] for one in listed} == {HERE: None, THERE: "billing"}
    checks = {check["check"]: (check["status"], check["message"]) for check in answer("doctor", env=env)["checks"]}
    assert checks["schema"] == ("ok", f"ready for {HERE}")
    assert checks["schema billing"] == ("ok", f"ready for {THERE}")
    assert checks["postgres billing"][0] == "ok"
    assert backfill("verify", "--backfill", THERE, env=env).returncode == 0


async def test_a_run_elsewhere_that_is_set_to_the_autopilot_is_left_alone_by_workers_that_look_at_one_database(
    first: str, second: str, redis_url: str
) -> None:
    env = environment(first, redis_url, DATABASES=f"billing={second}")

    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    run = answer("enqueue", THERE, env=env)
    changed = answer("set", run["id"], "--pace", "autopilot", "--not-before", tomorrow, env=env)
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        address = client.hget(f"backfill:run:{run['id']}", "backfill")

    assert (run["pace"]["mode"], changed["pace"]["mode"]) == ("fixed", "autopilot")
    assert address == f"{THERE}@1@apart"


def test_a_check_in_a_database_that_is_not_there_is_a_mistake() -> None:
    checks = json.dumps([{"name": "canary", "sql": "SELECT true", "database": "archive"}])
    env = environment("postgresql://host/x", "redis://host", DATABASES="billing=postgresql://host/y")

    done = backfill("status", env=env | {"BACKFILL_CHECKS": checks})

    assert done.returncode == 2
    assert "BACKFILL_CHECKS: canary: DATABASES has no database called 'archive'" in done.stderr


async def test_a_database_that_does_not_answer_or_is_not_named_leaves_the_others_alone(
    first: str, redis_url: str, spawn: Spawn
) -> None:
    env = environment(first, redis_url, DATABASES=f"billing={NO_SERVER}")
    unnamed = answer("doctor", env=environment(first, redis_url))["checks"]
    worker = spawn(*WORKER, env=env)
    await until_ready(worker)

    run = answer("enqueue", HERE, env=env)
    ended = answer("wait", run["id"], "--timeout", "120", env=env)
    checks = {check["check"]: check for check in answer("doctor", env=env)["checks"]}

    assert ended["state"] == "succeeded"
    assert (checks["postgres"]["status"], checks["postgres billing"]["status"]) == ("ok", "error")
    assert checks["schema billing"]["status"] == "unchecked"
    told = next(check["message"] for check in unnamed if check["check"] == "backfills")
    assert f"Not read: {THERE} (DATABASES has no database called 'billing')" in told
    assert "hunter2" not in json.dumps(checks) + worker.log


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("hunter2", "DATABASES: each entry is a name, =, and a URL"),
        ("Billing=postgresql://someone:hunter2@host/x", "a name is of lower-case letters"),
        ("billing=mysql://someone:hunter2@host/x", "DATABASES: billing: "),
        ("a=postgresql://host/x a=postgresql://host/hunter2", "a name is there twice"),
    ],
)
def test_a_mistake_in_the_databases_is_told_without_what_was_given(given: str, said: str) -> None:
    env = environment_for(database_url="postgresql://host/x", redis_url="redis://host") | {"DATABASES": given}

    done = backfill("status", env=env)

    assert (done.returncode, said in done.stderr, "hunter2" in done.stderr) == (2, True, False), done.stderr
