"""Parameters over HTTP: described, validated field by field, and a form that is made from them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from backfill.http.app import create_app
from backfill.settings import Settings
from backfill.wiring import Service, open_service
from tests.http.conftest import client_of
from tests.support.pages import Parsed, browser_of, id_in, look
from tests.support.parametric import NAME, PLACE

RUNS = f"/v1/backfills/{NAME}/runs"
KEPT = {"country": "DE", "since": "2026-03-01", "limit": 7, "mode": "missing", "dry": True}


@pytest.fixture
async def service(database: str, redis_url: str) -> AsyncIterator[Service]:
    given = {"database_url": database, "redis_url": redis_url, "definitions": (PLACE,)}
    async with open_service(Settings.model_validate(given), application_name="test-parameters") as opened:
        yield opened


@pytest.fixture
def app(service: Service) -> FastAPI:
    return create_app(service)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as opened:
        yield opened


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_of(app) as opened:
        yield opened


async def test_a_run_keeps_the_parameters_that_it_was_posted_with(client: httpx.AsyncClient) -> None:
    posted = await client.post(RUNS, json={"parameters": KEPT, "parallel": 3})
    read = await client.get(posted.headers["Location"])

    assert posted.status_code == 202
    assert (read.json()["parameters"], read.json()["version"]) == (KEPT, "1")


async def test_every_mistake_is_told_at_its_field(client: httpx.AsyncClient) -> None:
    refused = await client.post(RUNS, json={"parameters": {"limit": 1000, "mode": "some", "colour": "red"}})

    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (422, "/problems/invalid-parameters")
    assert {one["at"] for one in problem["errors"]} == {
        f"body.parameters.{name}" for name in ("country", "limit", "mode", "colour")
    }
    assert (await client.get("/v1/runs")).json()["runs"] == []


@pytest.mark.parametrize("key", ["the same", None])
async def test_other_parameters_are_a_conflict_that_says_what_differs(
    client: httpx.AsyncClient, key: str | None
) -> None:
    headers = {} if key is None else {"Idempotency-Key": key}
    first = await client.post(RUNS, json={"parameters": {"country": "AT"}}, headers=headers)

    second = await client.post(RUNS, json={"parameters": {"country": "DE"}}, headers=headers)

    slug = "active-run-exists" if key is None else "idempotency-conflict"
    assert (second.status_code, second.json()["type"]) == (409, f"/problems/{slug}")
    assert second.json()["run"] == first.json()["id"]
    assert 'country is "AT", not "DE"' in second.json()["detail"]


async def test_what_a_backfill_takes_is_described(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/backfills")).json()["backfills"][0]
    described = (await client.get("/openapi.json")).json()["components"]["schemas"]

    assert (listed["version"], listed["parameters"]["required"]) == ("1", ["country"])
    assert described[f"Parameters-{NAME}"] == listed["parameters"]
    assert {"$ref": f"#/components/schemas/Parameters-{NAME}"} in (
        described["RunRequest"]["properties"]["parameters"]["anyOf"]
    )


def fields(page: Parsed) -> dict[str, dict[str, Any]]:
    named = [one for one in (*page.all("input"), *page.all("select")) if (one.get("name") or "").startswith("p.")]
    return {f"{one['name']} {one.get('type') or 'select'}": one for one in named}


async def test_a_form_has_a_field_for_each_parameter(browser: httpx.AsyncClient) -> None:
    page = await look(browser, "/")

    found = fields(page)
    assert set(found) == {
        "p.country text", "p.since date", "p.limit number", "p.mode select", "p.dry hidden", "p.dry checkbox"
    }  # fmt: skip
    country, limit = found["p.country text"], found["p.limit number"]
    assert ("required" in country, country["pattern"], "required" in limit) == (True, "^[A-Z]{2}$", False)
    assert (limit["min"], limit["max"], limit["value"]) == ("1", "100", "10")
    assert found["p.since date"]["value"] == "2026-01-01"
    assert "Two letters, as in ISO 3166" in page.text


async def test_a_form_starts_a_run_with_what_was_typed_and_another_one_starts_with_the_same(
    browser: httpx.AsyncClient, service: Service
) -> None:
    typed = {"p.country": "DE", "p.since": "2026-03-01", "p.limit": "7", "p.mode": "missing", "p.dry": "true"}
    started = await browser.post("/start", data={"backfill": NAME, "key": "a", **typed})
    run = await service.control.get(id_in(started.headers["Location"]))
    await browser.post(f"/runs/{run.id}/cancel")
    await service.control.store.vacancies(run.id)
    page = await look(browser, f"/runs/{run.id}")
    again = {one["name"]: one["value"] for one in page.all("input") if one["name"] in ("backfill", "parameters", "key")}

    second = await browser.post("/start", data=again)

    assert run.parameters == KEPT
    assert 'country="DE"' in page.text
    assert (await service.control.get(id_in(second.headers["Location"]))).parameters == KEPT


async def test_a_form_that_is_refused_says_why_beside_the_field_and_keeps_what_was_typed(
    browser: httpx.AsyncClient,
) -> None:
    typed = {"p.country": "Austria<", "p.limit": "1000", "p.mode": "missing", "p.dry": "true"}

    refused = await browser.post("/start", data={"backfill": NAME, **typed})

    page = Parsed(refused.text)
    found = fields(page)
    assert refused.status_code == 422
    assert (found["p.country text"]["value"], found["p.limit number"]["value"]) == ("Austria<", "1000")
    assert "checked" in found["p.dry checkbox"]
    wrong = {name for name, one in found.items() if one.get("aria-invalid") == "true"}
    assert wrong == {"p.country text", "p.limit number"}
    assert "Input should be less than or equal to 100" in page.text
