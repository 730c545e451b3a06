"""`backfill doctor` where something is wrong: every cause once, with everything that could not be looked at for it."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from redis.asyncio import Redis

from backfill.release import own_version
from backfill.store.client import open_redis
from tests.support.cli import NAME, NO_POSTGRES, NO_REDIS
from tests.support.commands import environment_for
from tests.support.forked import backfill
from tests.support.store_model import forget
from tests.support.workers import say_alive, worker_named

PREFIX = "doctor-test"
BOUND_SECONDS = 25.0  # on a machine that is busy with other tests; it takes three to six


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    opened = open_redis(redis_url, timeout_seconds=5.0)
    yield opened
    await forget(opened, PREFIX)


@contextmanager
def frozen_server() -> Iterator[str]:
    """What a server that was stopped in its tracks looks like: the kernel takes the connection, and nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def environment_frozen() -> Iterator[dict[str, str]]:
    with frozen_server() as postgres, frozen_server() as valkey:
        yield environment_for(
            database_url=f"postgresql://someone:hunter2@{postgres}/nothing", redis_url=f"redis://:hunter2@{valkey}/0"
        )


def said_of_workers(environment: dict[str, str]) -> tuple[str, str]:
    done = backfill("doctor", "--json", env=environment | {"BACKFILL_REDIS_PREFIX": PREFIX})
    assert done.returncode == 0, done.stdout
    (check,) = [check for check in json.loads(done.stdout)["checks"] if check["check"] == "worker"]
    return check["status"], check["message"]


def test_a_cause_is_told_once_and_what_needs_it_is_unchecked() -> None:
    env = environment_for(database_url=NO_POSTGRES, redis_url=NO_REDIS)

    shown = backfill("doctor", env=env)
    examined = json.loads(backfill("doctor", "--json", env=env).stdout)

    assert shown.returncode == 7
    assert shown.stdout.count("nothing listens there") == 1
    assert shown.stdout.count("Redis cannot be used") == 1
    assert {check["check"]: check["status"] for check in examined["checks"]} == {
        "settings": "ok",
        "backfills": "ok",
        "postgres": "error",
        "schema": "unchecked",
        "privileges": "unchecked",
        "redis": "error",
        "redis data": "unchecked",
        "worker": "unchecked",
        "run": "unchecked",
    }


@pytest.mark.parametrize(
    "command",
    [("doctor",), ("status",), ("status", "--all"), ("pause",), ("workers",), ("list",), ("enqueue",), ("verify",)],
    ids=" ".join,
)
def test_frozen_servers_are_told_within_seconds(command: tuple[str, ...], environment_frozen: dict[str, str]) -> None:
    done = backfill(*command, env=environment_frozen, timeout=BOUND_SECONDS)

    assert done.returncode == 7
    assert "did not answer in time" in done.stdout + done.stderr or "Timeout reading from" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_says_that_no_worker_is_alive(environment: dict[str, str]) -> None:
    assert said_of_workers(environment) == ("warning", "none is alive; start one: arq worker.main.WorkerSettings")


async def test_it_says_how_many_workers_are_alive(environment: dict[str, str], redis: Redis) -> None:
    await say_alive(redis, PREFIX, worker_named("host-1"))

    assert said_of_workers(environment) == ("ok", "1 worker alive on 1 host")


async def test_it_says_that_the_versions_of_workers_differ(environment: dict[str, str], redis: Redis) -> None:
    await say_alive(redis, PREFIX, worker_named("host-1"), worker_named("host-2", version="0.0.1"))

    status, words = said_of_workers(environment)

    assert status == "warning"
    assert f"their versions differ: 0.0.1 (1 worker), {own_version()} (1 worker)" in words


async def test_it_says_what_workers_do_not_serve_and_why(environment: dict[str, str], redis: Redis) -> None:
    not_served = {NAME: "The schema is not ready."}
    await say_alive(redis, PREFIX, worker_named("host-1", backfills=(), not_served=not_served))

    status, words = said_of_workers(environment)

    assert status == "warning"
    assert f"{NAME} is not served by host-1:17: The schema is not ready" in words


async def test_it_says_which_workers_have_another_version_of_a_definition(
    environment: dict[str, str], redis: Redis
) -> None:
    await say_alive(redis, PREFIX, worker_named("host-1"), worker_named("host-2", versions={NAME: "2"}))

    status, words = said_of_workers(environment)

    assert status == "warning"
    assert f"{NAME} is of version 2 in host-2:17, and of version 1 here" in words
    assert "is served by none of them" not in words
