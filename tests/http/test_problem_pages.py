"""What a problem means can be read at the address that is its type."""

from __future__ import annotations

import ast
import inspect
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

import worker.http
from tests.support.pages import browser_of, look
from worker.http import problems
from worker.http.pages.meanings import MEANINGS
from worker.runs.errors import OperatorError


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
        ast.parse(path.read_text(encoding="utf-8")) for path in Path(inspect.getfile(worker.http)).parent.rglob("*.py")
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


@pytest.mark.parametrize("path", ["/problems/nothing", "/runs/unknown"])
async def test_what_does_not_exist_is_a_page_for_people_and_a_problem_for_programs(
    client: httpx.AsyncClient, path: str
) -> None:
    for_people = await client.get(path, headers={"Accept": "text/html"})
    for_programs = await client.get(path, headers={"Accept": "application/json"})

    assert (for_people.status_code, for_programs.status_code) == (404, 404)
    assert "text/html" in for_people.headers["Content-Type"]
    assert for_programs.headers["Content-Type"] == "application/problem+json"
