"""The workers that are alive, as a page and as JSON, and what a page says where none is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from backfill.runs.workers import WorkerRecord
from backfill.store.presence import Presence
from backfill.wiring import Service
from tests.http.conftest import client_of
from tests.support.pages import browser_of, look, start
from tests.support.waiting import wait_until

SERVING = WorkerRecord(
    id="jobs-1:4711:a", host="jobs-1", pid=4711, version="0.1.0", started_ms=1, backfills=("generation-versions",)
)
REFUSING = WorkerRecord(
    id="jobs-2:12:b",
    host="jobs-2",
    pid=12,
    version="0.2.0",
    started_ms=2,
    not_served={"generation-versions": "its role may not write"},
)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_of(app) as opened:
        yield opened


async def test_the_page_names_each_with_what_it_serves_and_works_on(
    app: FastAPI, client: httpx.AsyncClient, service: Service
) -> None:
    address = await start(client)
    prefix = service.settings.redis_prefix
    async with Presence(service.redis, SERVING, prefix=prefix), Presence(service.redis, REFUSING, prefix=prefix):

        async def both() -> bool:
            return len(await service.control.workers()) == 2

        await wait_until(both)
        held = await service.control.store.claim(address.removeprefix("/runs/"), token=f"{SERVING.id}/x")
        page = await look(client, "/workers")
        async with client_of(app) as program:
            listed = (await program.get("/v1/workers")).json()["workers"]

    assert held is not None
    for words in ("2 workers alive", "jobs-1", "version 0.1.0", "not generation-versions", "its role may not write"):
        assert words in page.text
    assert ("a", {"href": address}) in page.elements
    assert "plans it" in page.text
    assert [(worker["host"], worker["not_served"]) for worker in listed] == [
        ("jobs-1", {}),
        ("jobs-2", {"generation-versions": "its role may not write"}),
    ]
    assert [(task["task"], task["range"]) for task in listed[0]["holds"]] == [("plan", None)]


async def test_where_none_is_alive_every_page_says_so_and_how_to_start_one(client: httpx.AsyncClient) -> None:
    address = await start(client)

    workers, run, runs = [(await look(client, path)) for path in ("/workers", address, "/")]

    assert "No worker is alive" in workers.text
    for page in (workers, run):
        assert "No worker that serves generation-versions is alive. Nothing has moved for" in page.text
        assert "Start one: arq backfill.worker.WorkerSettings" in page.text
    assert ("span", {"class": "state warned"}) in runs.elements
    assert all(("a", {"href": "/workers"}) in page.elements for page in (workers, run, runs))
