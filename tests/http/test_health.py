"""Liveness touches nothing; readiness names what is missing and what is not."""

from __future__ import annotations

import httpx

from backfill.http.app import create_app
from tests.http.conftest import OpenService, client_of
from tests.support.cli import NO_POSTGRES, NO_REDIS


async def test_a_service_with_all_it_needs_is_ready(client: httpx.AsyncClient) -> None:
    response = await client.get("/readyz")

    checks = response.json()["checks"]
    assert response.status_code == 200
    assert {name: check["ok"] for name, check in checks.items()} == {"postgres": True, "redis": True, "schema": True}
    assert all(check["ms"] > 0 for check in checks.values())


async def test_liveness_asks_no_server(open_service_on: OpenService) -> None:
    async with open_service_on(NO_POSTGRES, NO_REDIS) as service, client_of(create_app(service)) as client:
        response = await client.get("/livez")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_readiness_names_postgres(open_service_on: OpenService, redis_url: str) -> None:
    assert await failed_checks(open_service_on, NO_POSTGRES, redis_url) == {"postgres", "schema"}


async def test_readiness_names_redis(open_service_on: OpenService, database: str) -> None:
    assert await failed_checks(open_service_on, database, NO_REDIS) == {"redis"}


async def test_readiness_names_the_schema(open_service_on: OpenService, database_e011: str, redis_url: str) -> None:
    assert await failed_checks(open_service_on, database_e011, redis_url) == {"schema"}


async def failed_checks(open_service_on: OpenService, database_url: str, redis_url: str) -> set[str]:
    """Their names, after asserting that the problem says why and tells no password."""
    async with open_service_on(database_url, redis_url) as service, client_of(create_app(service)) as client:
        response = await client.get("/readyz")

    problem = response.json()
    failed = {name: check["error"] for name, check in problem["checks"].items() if not check["ok"]}
    assert (response.status_code, problem["type"]) == (503, "/problems/not-ready")
    assert all(error in problem["detail"] for error in failed.values())
    assert "hunter2" not in response.text
    return set(failed)


async def test_a_request_without_a_server_to_answer_it_is_a_problem(
    open_service_on: OpenService, database: str, redis_url: str
) -> None:
    async with open_service_on(database, NO_REDIS) as service, client_of(create_app(service)) as client:
        without_redis = await client.get("/v1/runs")
    async with open_service_on(NO_POSTGRES, redis_url) as service, client_of(create_app(service)) as client:
        without_postgres = await client.post("/v1/backfills/generation-versions/runs")

    assert (without_redis.status_code, without_redis.json()["type"]) == (503, "/problems/redis-unreachable")
    assert (without_postgres.status_code, without_postgres.json()["type"]) == (503, "/problems/database-unreachable")
    assert "hunter2" not in without_redis.text + without_postgres.text
