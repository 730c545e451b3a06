"""What a problem means can be read at the address that is its type."""

from __future__ import annotations

import ast
import inspect
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

import backfill.http
from backfill.http import problems
from backfill.http.pages.meanings import MEANINGS
from backfill.runs.errors import OperatorError
from tests.support.pages import Parsed, browser_of, look


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_of(app) as opened:
        yield opened


def every_error(of: type[OperatorError] = OperatorError) -> Iterator[type[OperatorError]]:
    yield of
    for kind in of.__subclasses__():
        yield from every_error(kind)


def slugs_in_source() -> set[str]:
    """The slugs that are written out where a problem is made."""
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for path in Path(inspect.getfile(backfill.http)).parent.rglob("*.py")
    ]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [call.args[1] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "problem"]
    return {slug.value for slug in made if isinstance(slug, ast.Constant) and isinstance(slug.value, str)}


def test_every_problem_that_exists_has_a_meaning() -> None:
    statuses = {problems.slug_of(status) for status in problems._HINTS}
    written = slugs_in_source()

    assert {"foreign-site", "not-ready", "internal-error"} <= written
    assert {kind.slug for kind in every_error()} | statuses | written <= set(MEANINGS)


@pytest.mark.parametrize("slug", sorted(MEANINGS))
async def test_the_type_of_a_problem_opens_as_a_page(client: httpx.AsyncClient, slug: str) -> None:
    page = await look(client, f"/problems/{slug}")

    assert "What it means" in page.text
    assert "What to do" in page.text


FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
REFUSED = [
    (("GET", "/problems/nothing", {}), 404),
    (("GET", "/runs/unknown", {}), 404),
    (("GET", "/nothing/here", {}), 404),
    (("GET", "/v1/runs/unknown", {}), 404),
    (("GET", "/v1/runs?page_size=0", {}), 422),
    (("GET", "/v1/runs?page_token=nothing", {}), 400),
    (("GET", "/v1/backfills/generation-versions/runs", {}), 405),
    (("DELETE", "/", {}), 405),
    (("POST", "/workers", {}), 405),
    (("POST", "/start", {"Content-Length": "99999999"}), 413),
    (("GET", "/", {"Host": "evil.example"}), 403),
    (("GET", "/v1/bug", {}), 500),
]


@pytest.mark.parametrize(("asked", "status"), REFUSED)
async def test_what_is_refused_is_a_page_for_people_and_a_problem_for_programs(
    app: FastAPI, client: httpx.AsyncClient, asked: tuple[str, str, dict[str, str]], status: int
) -> None:
    method, path, headers = asked

    async def fail() -> None:
        raise ValueError("hunter2")

    app.add_api_route("/v1/bug", fail)
    for_people, for_programs = [
        await client.request(method, path, headers={**headers, "Accept": accept})
        for accept in (FIREFOX, "application/json")
    ]

    problem = for_programs.json()
    assert (for_people.status_code, for_programs.status_code) == (status, status)
    assert for_people.headers["Content-Type"] == "text/html; charset=utf-8"
    assert for_programs.headers["Content-Type"] == "application/problem+json"
    page = Parsed(for_people.text)
    assert (problem["detail"] in page.text, problem["title"] in page.text) == (True, True)
    assert ("a", {"href": problem["type"]}) in page.elements
    assert for_people.headers.get("Allow") == for_programs.headers.get("Allow")
    assert "style-src 'self'" in for_people.headers["Content-Security-Policy"]


async def test_whoever_opens_a_form_s_address_again_comes_to_the_page_it_was_on(client: httpx.AsyncClient) -> None:
    back = await client.get("/start")

    assert (back.status_code, back.headers["Location"]) == (303, "/")
