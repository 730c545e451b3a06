"""A server that stands still: whoever asks the HTTP service is answered within three seconds, and told which it is."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Spawn
from tests.faults.conftest import OldDatabase
from tests.http.test_live_events import Sent, events_of
from tests.http.test_serving import address_of
from tests.support.cli import BACKFILL
from tests.support.own_servers import POSTGRES, VALKEY, OwnServers
from tests.support.waiting import in_time, wait_until

# Three are promised; the rest is for a machine that runs other tests at the same time.
AT_MOST_SECONDS = 6.0
BROWSER = {"Accept": "text/html"}
RUNS_OF_BACKFILL = "/v1/backfills/generation-versions/runs"
FORM = {"backfill": "generation-versions"}
READS = ("/v1/runs", "/v1/workers", "/metrics", "/v1/runs/{run}", "/", "/workers", "/runs/{run}")


def family(pid: int) -> list[int]:
    """The process, and those that it has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
async def client(old_database: OldDatabase, spawn: Spawn) -> AsyncIterator[httpx.AsyncClient]:
    serving = spawn(*BACKFILL, "serve", "--port", "0", env=old_database.env)
    async with httpx.AsyncClient(base_url=await address_of(serving), timeout=30) as opened:
        yield opened


async def at_once(client: httpx.AsyncClient, *requests: httpx.Request) -> tuple[list[httpx.Response], float]:
    """The answers, and how long the last of them took."""
    begun = time.monotonic()
    return list(await asyncio.gather(*map(client.send, requests))), time.monotonic() - begun


async def next_of(events: AsyncIterator[Sent], kind: str) -> dict[str, Any]:
    async for event in events:
        if event.event == kind:
            found: dict[str, Any] = json.loads(event.data)
            return found
    raise AssertionError(f"the stream has ended without {kind}")


async def test_while_redis_is_frozen_every_request_is_answered_soon_and_says_so(
    own_servers: OwnServers, old_database: OldDatabase, client: httpx.AsyncClient
) -> None:
    run_id = (await client.post(RUNS_OF_BACKFILL)).json()["id"]
    reads = [
        client.build_request("GET", path.format(run=run_id), headers=headers)
        for path in READS
        for headers in ({}, BROWSER)
    ]
    pause = client.build_request("POST", f"/v1/runs/{run_id}/pause")
    health = [client.build_request("GET", path) for path in ("/livez", "/readyz")]
    async with client.stream("GET", f"/v1/runs/{run_id}/events") as watching:
        events = events_of(watching)
        await next_of(events, "snapshot")
        with frozen(own_servers.pid(VALKEY)):
            begun = time.monotonic()
            answers, seconds = await at_once(client, *reads, *reads, pause)
            (live, ready), seconds_of_health = await at_once(client, *health)
            late = await next_of(events, "late")
            told_after = time.monotonic() - begun
        back = await next_of(events, "progress")

    assert in_time(max(seconds, seconds_of_health), AT_MOST_SECONDS)
    assert {answer.status_code for answer in answers} == {503}
    assert all("Redis" in answer.text and int(answer.headers["Retry-After"]) for answer in answers)
    problems = [answer.json() for answer in answers if "json" in answer.headers["Content-Type"]]
    assert {problem["type"] for problem in problems} == {"/problems/redis-unreachable"}
    assert "look before you ask again" in answers[-1].json()["detail"]
    assert live.status_code == 200
    assert failed_checks(ready) == {"redis"}
    assert "Redis" in late["detail"]
    assert told_after < seconds + seconds_of_health + AT_MOST_SECONDS
    assert back["id"] == run_id


@pytest.mark.parametrize("whole", [True, False], ids=["all its processes", "the one that lets in"])
async def test_while_postgres_is_frozen_every_request_is_answered_soon_and_says_so(
    own_servers: OwnServers, old_database: OldDatabase, client: httpx.AsyncClient, whole: bool
) -> None:
    await client.get("/readyz")  # now it has connections
    pid = own_servers.pid(POSTGRES)
    reads = [client.build_request("GET", path, headers=BROWSER) for path in ("/", "/workers", "/v1/runs")]
    starts = [
        *(client.build_request("POST", RUNS_OF_BACKFILL) for _ in range(6)),
        *(client.build_request("POST", "/start", data=FORM, headers=BROWSER) for _ in range(6)),
    ]
    health = [client.build_request("GET", path) for path in ("/livez", "/readyz")]
    with frozen(*(family(pid) if whole else [pid])):
        pages, _ = await at_once(client, *reads)
        answers, seconds = await at_once(client, *starts)
        (live, ready), seconds_of_health = await at_once(client, *health)

    assert [page.status_code for page in pages] == [200, 200, 200]
    assert in_time(max(seconds, seconds_of_health), AT_MOST_SECONDS)
    assert live.status_code == 200
    refused = [answer for answer in answers if answer.status_code == 503]
    assert all("PostgreSQL" in answer.text and int(answer.headers["Retry-After"]) for answer in refused)
    if whole:
        assert len(refused) == len(answers)
        assert failed_checks(ready) == {"postgres", "schema"}
    await wait_until(lambda: is_ready(client), 30)


def failed_checks(ready: httpx.Response) -> set[str]:
    assert (ready.status_code, ready.json()["type"]) == (503, "/problems/not-ready")
    return {name for name, check in ready.json()["checks"].items() if not check["ok"]}


async def is_ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200
