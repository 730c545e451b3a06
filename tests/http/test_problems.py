"""Every error is a problem document that says what to do, and none tells more than it should."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from backfill.http.app import LARGEST_BODY_BYTES, create_app
from tests.http.conftest import OpenService, client_of

RUNS_OF_BACKFILL = "/v1/backfills/generation-versions/runs"


def problem_in(response: httpx.Response) -> dict[str, Any]:
    """The document, after asserting that it is one and agrees with the response that carries it."""
    assert response.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "instance"} <= set(document)
    assert document["status"] == response.status_code
    assert document["instance"] == response.request.url.path
    assert document["type"].startswith("/problems/")
    assert document["title"]
    assert document["detail"]
    return document


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/nothing/here", 404, "not-found"),
        ("GET", "/v1/runs/", 404, "not-found"),
        ("GET", "/v1/runs/000000000000", 404, "unknown-run"),
        ("POST", "/v1/runs/000000000000/pause", 404, "unknown-run"),
        ("POST", "/v1/runs/000000000000/explode", 404, "not-found"),
        ("POST", "/v1/backfills/nothing/runs", 404, "unknown-backfill"),
        ("DELETE", "/v1/runs", 405, "method-not-allowed"),
        ("GET", "/v1/runs?page_size=0", 422, "usage"),
        ("GET", "/v1/runs?page_size=many", 422, "usage"),
    ],
)
async def test_an_error_says_what_it_is(
    client: httpx.AsyncClient, method: str, path: str, status: int, slug: str
) -> None:
    response = await client.request(method, path)

    assert response.status_code == status
    assert problem_in(response)["type"] == f"/problems/{slug}"


async def test_a_wrong_method_is_told_the_right_ones(client: httpx.AsyncClient) -> None:
    response = await client.delete("/v1/runs")

    assert response.headers["Allow"] == "GET"


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ('{"parallel": 0}', "body.parallel"),
        ('{"parallel": 65}', "body.parallel"),
        ('{"parallel": "2"}', "body.parallel"),
        ('{"batch_rows": 1.5}', "body.batch_rows"),
        ('{"speed": 1}', "body.speed"),
        ('{"parallel": ', "body.13"),
        ("[]", "body"),
    ],
)
async def test_a_wrong_body_is_told_where_it_is_wrong(client: httpx.AsyncClient, body: str, at: str) -> None:
    response = await client.post(RUNS_OF_BACKFILL, content=body, headers={"Content-Type": "application/json"})

    problem = problem_in(response)
    assert (response.status_code, problem["type"]) == (422, "/problems/usage")
    assert [mistake["at"] for mistake in problem["errors"]] == [at]
    assert (await client.get("/v1/runs")).json()["runs"] == []


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_an_idempotency_key_has_a_length(client: httpx.AsyncClient, key: str) -> None:
    response = await client.post(RUNS_OF_BACKFILL, headers={"Idempotency-Key": key})

    assert problem_in(response)["errors"][0]["at"] == "header.idempotency-key"


async def test_a_body_that_says_it_is_too_large_is_not_read(client: httpx.AsyncClient) -> None:
    response = await client.post(RUNS_OF_BACKFILL, content=b" " * (LARGEST_BODY_BYTES + 1))

    assert (response.status_code, problem_in(response)["type"]) == (413, "/problems/content-too-large")


async def test_a_body_that_does_not_say_its_length_is_read_up_to_the_limit(client: httpx.AsyncClient) -> None:
    read: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            read.append(LARGEST_BODY_BYTES // 4)
            yield b" " * read[-1]

    response = await client.post(RUNS_OF_BACKFILL, content=endless(), headers={"Content-Type": "application/json"})

    assert (response.status_code, problem_in(response)["status"]) == (413, 413)
    assert sum(read) <= 2 * LARGEST_BODY_BYTES


async def test_before_the_migration_a_run_is_refused_with_what_to_run(
    open_service_on: OpenService, database_e011: str, redis_url: str
) -> None:
    async with open_service_on(database_e011, redis_url) as service, client_of(create_app(service)) as client:
        response = await client.post(RUNS_OF_BACKFILL)

    problem = problem_in(response)
    assert (response.status_code, problem["type"]) == (503, "/problems/schema-not-ready")
    assert "alembic upgrade head" in problem["detail"]
    assert "Retry-After" in response.headers


async def test_a_bug_tells_nothing_of_the_inside(app: FastAPI, client: httpx.AsyncClient) -> None:
    async def fail() -> None:
        raise ValueError("postgresql://user:hunter2@host/database")

    app.add_api_route("/bug", fail)

    response = await client.get("/bug")

    assert response.status_code == 500
    assert problem_in(response)["type"] == "/problems/internal-error"
    assert "hunter2" not in response.text
    assert "ValueError" not in response.text
    assert response.headers["X-Content-Type-Options"] == "nosniff"
