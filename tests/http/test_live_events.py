"""Live events over a real connection: a snapshot, every change once, an end; and what many or slow watchers cost."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx
import pytest
import uvicorn
from redis.asyncio.connection import AbstractConnection

from backfill.http.app import create_app
from backfill.http.live import LOOK_EVERY_SECONDS
from backfill.runs.states import Action
from backfill.runs.workers import WorkerRecord
from backfill.store.presence import Presence
from backfill.wiring import Service, default_pace
from tests.conftest import Spawn
from tests.support.old_rows import old_rows
from tests.support.runs import WORKER
from tests.support.waiting import wait_until

WHO = "test"
WATCHERS = 50
WORKER_RECORD = WorkerRecord(id="host:1:a", host="host", pid=1, version="1", backfills=("generation-versions",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    event: str
    id: str
    data: str


async def events_of(response: httpx.Response) -> AsyncIterator[Sent]:
    fields = {"event": "", "id": "", "data": ""}
    async for line in response.aiter_lines():
        name, _, value = line.partition(": ")
        if name in fields:
            fields[name] = value
        elif not line and fields["event"]:
            yield Sent(**fields)
            fields = {"event": "", "id": "", "data": ""}


@pytest.fixture
async def address(service: Service) -> AsyncIterator[str]:
    """The app behind the real server: an endless answer needs a real connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(service), log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield "http://{}:{}".format(*listener.getsockname())
        server.should_exit = True
        server.force_exit = True
        await serving


@pytest.fixture
async def client(address: str) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=address, timeout=30, limits=limits) as opened:
        yield opened


async def with_one_project(database: str, *, generations: int) -> None:
    async with old_rows(database) as rows:
        await rows.add_project("p")
        await rows.add_many("p", generations)


async def enqueued(service: Service) -> str:
    run, _ = await service.control.enqueue("generation-versions", default_pace(service.settings), requested_by=WHO)
    return run.id


async def test_a_watcher_sees_a_snapshot_then_changes_then_the_end(
    client: httpx.AsyncClient, service: Service, database: str, environment: dict[str, str], spawn: Spawn
) -> None:
    await with_one_project(database, generations=25)
    run_id = await enqueued(service)

    async with client.stream("GET", f"/v1/runs/{run_id}/events") as response:
        events = events_of(response)
        sent = [await anext(events)]
        spawn(*WORKER, env=environment)
        sent += [event async for event in events]

    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert (sent[0].event, json.loads(sent[0].data)["state"]) == ("snapshot", "queued")
    changes = [json.loads(event.data) for event in sent if event.event == "change"]
    recorded = [event.id for event in await service.control.events(run_id)]
    assert [change["id"] for change in changes] == recorded[1:]  # the first one is in the snapshot
    assert changes[-1]["about"]["state"] == "succeeded"
    last_progress = json.loads([event.data for event in sent if event.event == "progress"][-1])
    assert (last_progress["state"], last_progress["progress"]["rows_written"]) == ("succeeded", 25)
    assert (sent[-1].event, json.loads(sent[-1].data)) == ("end", {"state": "succeeded"})


async def test_a_watcher_that_comes_back_gets_what_it_missed(client: httpx.AsyncClient, service: Service) -> None:
    run_id = await enqueued(service)
    seen = (await service.control.events(run_id))[-1].id
    for action in (Action.PAUSE, Action.RESUME, Action.PAUSE):
        await service.control.act(run_id, action, who=WHO)
    missed = [event.id for event in await service.control.events(run_id, after=seen)]

    async with client.stream("GET", f"/v1/runs/{run_id}/events", headers={"Last-Event-ID": seen}) as response:
        sent = [event async for event in events_of(response)]

    assert [event.id for event in sent if event.event == "change"] == missed
    assert [event.event for event in sent] == ["snapshot", *["change"] * len(missed), "end"]


async def test_who_has_seen_all_of_a_run_at_rest_is_told_not_to_come_back(
    client: httpx.AsyncClient, service: Service
) -> None:
    run_id = await enqueued(service)
    await service.control.act(run_id, Action.CANCEL, who=WHO)
    last = (await service.control.events(run_id))[-1].id

    response = await client.get(f"/v1/runs/{run_id}/events", headers={"Last-Event-ID": last})

    assert response.status_code == 204


@pytest.mark.parametrize("last_event_id", ["", "nonsense", "9" * 60, "99999999999999-0"])
async def test_an_id_that_is_no_events_does_no_harm(
    client: httpx.AsyncClient, service: Service, last_event_id: str
) -> None:
    run_id = await enqueued(service)

    headers = {"Last-Event-ID": last_event_id}
    async with client.stream("GET", f"/v1/runs/{run_id}/events", headers=headers) as response:
        first = await anext(events_of(response))

    assert first.event == "snapshot"


async def test_an_unknown_run_is_refused_before_anything_is_sent(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/runs/000000000000/events")

    assert (response.status_code, response.json()["type"]) == (404, "/problems/unknown-run")


async def test_a_run_that_redis_has_lost_ends_its_streams(client: httpx.AsyncClient, service: Service) -> None:
    run_id = await enqueued(service)

    async with client.stream("GET", f"/v1/runs/{run_id}/events") as response:
        events = events_of(response)
        await anext(events)
        await service.redis.flushdb()
        rest = [event async for event in events]

    assert json.loads(rest[-1].data) == {"state": "unknown"}


async def test_there_is_room_for_so_many_watchers_and_a_place_is_given_back(
    client: httpx.AsyncClient, service: Service
) -> None:
    run_id = await enqueued(service)
    app_live = create_app(service).state.live
    app_live._most_streams = 1
    first = await app_live.subscribe(run_id, None)

    with pytest.raises(Exception, match="As many watch already"):
        await app_live.subscribe(run_id, None)
    app_live.leave(first)
    second = await app_live.subscribe(run_id, None)

    assert second is not None
    app_live.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What this process alone sends to Redis from here on: the server's own counts are those of every test's."""
    sent: list[object] = []
    send = AbstractConnection.send_packed_command

    async def send_and_note(self: AbstractConnection, command: Any, check_health: bool = True) -> None:
        sent.append(command)
        await send(self, command, check_health)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", send_and_note)
    return sent


async def test_many_watchers_cost_redis_no_more_than_one(
    client: httpx.AsyncClient, service: Service, sent: list[object]
) -> None:
    run_id = await enqueued(service)
    seen: Counter[str] = Counter()

    async def watch() -> None:
        async with client.stream("GET", f"/v1/runs/{run_id}/events") as response:
            async for event in events_of(response):
                seen[event.event] += 1

    watching = [asyncio.create_task(watch()) for _ in range(WATCHERS)]
    await wait_until(lambda: seen["snapshot"] == WATCHERS)
    before, began = len(sent), monotonic()
    for number in range(1, 4):
        await service.control.set_pace(run_id, {"pause_ms": number}, who=WHO)
        await wait_until(lambda so_far=number: seen["change"] == so_far * WATCHERS)  # type: ignore[misc]
    reads, looks = len(sent) - before, 4 + (monotonic() - began) / LOOK_EVERY_SECONDS
    await service.control.act(run_id, Action.CANCEL, who=WHO)
    await asyncio.gather(*watching)

    assert seen["end"] == WATCHERS
    assert 0 < reads < WATCHERS * looks  # one read each would be more than that


async def test_a_watcher_that_does_not_read_is_dropped(
    service: Service, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await enqueued(service)
    app = create_app(service)
    live = app.state.live
    stream = await live.subscribe(run_id, None)
    assert stream is not None

    kept = [stream.offer(b"x") for _ in range(200)]
    received = [message async for message in stream.messages()]

    assert kept.index(False) == 64
    assert len(received) <= 1 + 64
    live.leave(stream)
    live.close()


async def test_watchers_and_polls_learn_that_the_last_worker_is_gone_and_that_one_is_back(
    client: httpx.AsyncClient, service: Service
) -> None:
    async with Presence(service.redis, WORKER_RECORD, prefix="backfill"):
        await wait_until(lambda: service.redis.exists("backfill:workers"))
        run_id = await enqueued(service)
        polled = [await client.get(f"/v1/runs/{run_id}")]
        watching = client.stream("GET", f"/v1/runs/{run_id}/events")
        response = await watching.__aenter__()
        told = events_of(response)
        before = json.loads((await anext(told)).data)["attention"]

    gone = json.loads((await anext(told)).data)["attention"]
    polled.append(await client.get(f"/v1/runs/{run_id}"))
    async with Presence(service.redis, WORKER_RECORD, prefix="backfill"):
        back = json.loads((await anext(told)).data)["attention"]
        polled.append(await client.get(f"/v1/runs/{run_id}"))
    await watching.__aexit__(None, None, None)

    assert (before, gone["kind"], back) == (None, "no_worker", None)
    tags = [answer.headers["ETag"] for answer in polled]
    assert tags[0] == tags[2] != tags[1]
