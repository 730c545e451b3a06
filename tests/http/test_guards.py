"""A web page on the same machine is not the operator."""

from __future__ import annotations

import httpx
import pytest

RUNS_OF_BACKFILL = "/v1/backfills/generation-versions/runs"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "[broken", ""])
async def test_a_name_that_is_not_the_services_is_refused(client: httpx.AsyncClient, host: str) -> None:
    response = await client.get("/v1/runs", headers={"Host": host})

    assert (response.status_code, response.json()["type"]) == (403, "/problems/foreign-site")


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080"])
async def test_the_loopback_names_are_the_services(client: httpx.AsyncClient, host: str) -> None:
    response = await client.get("/v1/runs", headers={"Host": host})

    assert response.status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "http://["])
async def test_a_page_of_another_site_can_start_nothing(client: httpx.AsyncClient, origin: str) -> None:
    response = await client.post(RUNS_OF_BACKFILL, headers={"Origin": origin})

    assert (response.status_code, response.json()["type"]) == (403, "/problems/foreign-site")
    assert (await client.get("/v1/runs")).json()["runs"] == []


async def test_a_page_of_its_own_can(client: httpx.AsyncClient) -> None:
    response = await client.post(RUNS_OF_BACKFILL, headers={"Origin": "http://127.0.0.1"})

    assert response.status_code == 202


@pytest.mark.parametrize("path", ["/livez", "/v1/runs", "/nothing"])
async def test_every_response_tells_browsers_to_trust_nothing_in_it(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers

    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
