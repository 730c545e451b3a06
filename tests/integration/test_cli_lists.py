"""What there is to run and who does it: `backfill list` and `backfill workers`."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from backfill.store.client import open_redis
from backfill.store.redis_store import RedisStore
from tests.support.cli import NAME
from tests.support.forked import backfill
from tests.support.runs import enqueue
from tests.support.store_model import forget
from tests.support.workers import say_alive, worker_named

PREFIX = "backfill"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    opened = open_redis(redis_url, timeout_seconds=5.0)
    yield opened
    await forget(opened, PREFIX)


def test_every_backfill_is_listed_with_its_last_run(environment: dict[str, str]) -> None:
    before = json.loads(backfill("list", "--json", env=environment).stdout)["backfills"]
    run = enqueue(environment)
    (after,) = json.loads(backfill("list", "--json", env=environment).stdout)["backfills"]
    shown = backfill("list", env=environment).stdout

    assert [(one["name"], one["last_run"]) for one in before] == [(NAME, None)]
    assert (after["last_run"]["id"], after["last_run"]["state"]) == (run["id"], "queued")
    assert f"{run['id']}  queued" in shown
    assert after["about"] in shown


async def test_workers_are_listed_with_what_they_serve_and_work_on(environment: dict[str, str], redis: Redis) -> None:
    working = worker_named("host-1")
    refusing = worker_named("host-2", backfills=(), not_served={NAME: "The schema is not ready."})
    await say_alive(redis, PREFIX, working, refusing)
    run = enqueue(environment)
    await RedisStore(redis, prefix=PREFIX, lease_seconds=60).claim(run["id"], token=f"{working.id}/abcd")

    shown = backfill("workers", env=environment).stdout.splitlines()
    listed = json.loads(backfill("workers", "--json", env=environment).stdout)["workers"]

    assert [worker["host"] for worker in listed] == ["host-1", "host-2"]
    assert listed[0]["holds"][0]["run"] == run["id"]
    facts = f"{working.version}  2027-01-15 08:00  {NAME}  run {run['id']}: plans"
    assert re.sub(" {2,}", "  ", shown[1]) == f"host-1  17  {facts}"
    assert shown[-1] == f"host-2:17 does not serve {NAME}: The schema is not ready."


def test_that_no_worker_is_alive_is_said_with_what_starts_one(environment: dict[str, str]) -> None:
    done = backfill("workers", env=environment)

    assert (done.returncode, done.stdout) == (0, "")
    assert "arq worker.main.WorkerSettings" in done.stderr


def test_a_run_without_quarantined_units_says_so(environment: dict[str, str]) -> None:
    run = enqueue(environment)

    assert backfill("quarantined", env=environment).stdout == (
        f"Run {run['id']} of {NAME} is queued, with no quarantined unit.\n"
    )
