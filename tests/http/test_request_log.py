"""Each request has one line in the log, and one id in all its lines."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from starlette.responses import StreamingResponse
from starlette.types import Message

from backfill.http.app import create_app
from backfill.http.request_log import RequestLog
from backfill.http.tokens import Scope, TokenBook, new_token
from backfill.logging import setup_logging
from backfill.wiring import Service
from tests.conftest import Spawn
from tests.http.conftest import client_of
from tests.http.test_serving import address_of, without_servers
from tests.support.cli import BACKFILL
from tests.support.waiting import wait_until

MADE = re.compile(r"[0-9a-f]{32}")


class Log:
    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == "request"]


@pytest.fixture
def log() -> Iterator[Log]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    setup_logging("INFO", "json", stream=stream)
    yield Log(stream)
    structlog.contextvars.clear_contextvars()
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


async def nothing_comes() -> Message:
    return await asyncio.Future()


async def sent_nowhere(message: Message) -> None:
    pass


@pytest.mark.parametrize("given", ["a", "trace-4711_x.Y", "i" * 128])
async def test_a_well_formed_id_is_taken_over(client: httpx.AsyncClient, log: Log, given: str) -> None:
    response = await client.get("/livez", headers={"X-Request-ID": given})

    assert response.headers["X-Request-ID"] == given
    assert [line["request_id"] for line in log.requests] == [given]


@pytest.mark.parametrize("given", ["", "i" * 129, "a b", "a\tb", "{}", "é"])
async def test_any_other_id_is_replaced(client: httpx.AsyncClient, log: Log, given: str) -> None:
    response = await client.get("/livez", headers=[(b"X-Request-ID", given.encode())])

    assert MADE.fullmatch(response.headers["X-Request-ID"])
    assert [line["request_id"] for line in log.requests] == [response.headers["X-Request-ID"]]


async def test_the_line_has_the_route_and_neither_address_nor_query(client: httpx.AsyncClient, log: Log) -> None:
    await client.get("/v1/runs/0123456789ab?token=hunter2")

    (line,) = log.requests
    assert (line["method"], line["route"], line["status"]) == ("GET", "/v1/runs/{run_id}", 404)
    assert line["ms"] > 0
    assert "0123456789ab" not in json.dumps(log.lines)
    assert "hunter2" not in json.dumps(log.lines)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("DELETE", "/v1/runs", 405),
        ("GET", "http://evil.example/v1/runs", 403),
    ],
)
async def test_what_never_comes_to_a_route_has_its_line_and_its_id(
    client: httpx.AsyncClient, log: Log, method: str, path: str, status: int
) -> None:
    response = await client.request(method, path)

    assert [(line["status"], line["request_id"]) for line in log.requests] == [
        (status, response.headers["X-Request-ID"])
    ]


async def test_each_line_of_a_request_has_its_id_and_no_other_requests(app: FastAPI, log: Log) -> None:
    both_are_in = asyncio.Barrier(2)

    @app.get("/at-work/{name}")
    async def at_work(name: str) -> None:
        await both_are_in.wait()
        structlog.get_logger("test").info("at work", name=name)

    async with client_of(app) as client:
        answers = [client.get(f"/at-work/{name}", headers={"X-Request-ID": name}) for name in ("one", "two")]
        await asyncio.gather(*answers)
        await client.get("/livez")
    structlog.get_logger("test").info("afterwards")

    assert {line["name"]: line["request_id"] for line in log.lines if line["event"] == "at work"} == {
        "one": "one",
        "two": "two",
    }
    assert "request_id" not in log.lines[-1]


async def test_a_mistake_of_ours_has_its_line_too(app: FastAPI, log: Log) -> None:
    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a bug")

    async with client_of(app) as client:
        response = await client.get("/broken", headers={"X-Request-ID": "broken"})
    structlog.get_logger("uvicorn").error("what the server logs of it, in the same task")

    assert (response.status_code, response.headers["X-Request-ID"]) == (500, "broken")
    assert [(line["status"], line["route"]) for line in log.requests] == [(500, "/broken")]
    assert log.lines[-1]["request_id"] == "broken"


async def test_a_stream_is_passed_on_as_it_comes_and_told_when_it_has_ended(log: Log) -> None:
    sent: list[bytes] = []
    lines_before_the_end: list[int] = []

    async def parts() -> AsyncIterator[bytes]:
        for part in (b"one", b"two"):
            yield part
            lines_before_the_end.append(len(log.requests))
            assert sent[-1] == part

    async def stream(scope: Any, receive: Any, send: Any) -> None:
        await StreamingResponse(parts())(scope, receive, send)

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))

    scope = {"type": "http", "method": "GET", "headers": [], "asgi": {"spec_version": "2.4"}}
    await RequestLog(stream)(scope, nothing_comes, send)

    assert lines_before_the_end == [0, 0]
    assert [line["status"] for line in log.requests] == [200]


async def test_the_name_of_the_caller_is_told_where_it_is_known(log: Log) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope.setdefault("state", {})["caller"] = "grafana"

    await RequestLog(app)({"type": "http", "method": "GET", "headers": []}, nothing_comes, sent_nowhere)

    assert [line["caller"] for line in log.requests] == ["grafana"]


async def test_the_served_log_has_one_line_for_a_request(spawn: Spawn) -> None:
    serving = spawn(*BACKFILL, "serve", "--port", "0", env=without_servers())
    async with httpx.AsyncClient(base_url=await address_of(serving)) as client:
        for request_id in ("first", "second"):
            await client.get("/livez?token=hunter2", headers={"X-Request-ID": request_id})

    def told() -> list[str]:
        return [json.loads(line)["request_id"] for line in serving.log.splitlines() if "livez" in line]

    await wait_until(lambda: "second" in told())
    assert told() == ["first", "second"]
    assert "hunter2" not in serving.log


async def test_a_request_with_a_token_is_told_by_the_tokens_name(service: Service, log: Log) -> None:
    secret, token = new_token("grafana", Scope.READ)

    async with client_of(create_app(service, tokens=TokenBook((token,)))) as client:
        let_in = await client.get("/metrics", headers={"Authorization": f"Bearer {secret}"})
        refused = await client.get("/metrics")

    assert (let_in.status_code, refused.status_code) == (200, 401)
    assert [line.get("caller") for line in log.requests] == ["http:grafana", None]
    assert secret not in json.dumps(log.lines)
