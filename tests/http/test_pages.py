"""The dashboard's pages as they are sent: what they show, to whom, and what they can never do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import redis
from fastapi import FastAPI

from backfill.http.pages.routes import RUNS_ON_A_PAGE
from backfill.runs.states import Action
from backfill.wiring import Service, default_pace
from tests.support.pages import HOSTILE, Parsed, browser_of, id_in, links_to_runs, look, start

PAGES = ["/", "/problems/usage", "/runs/unknown", "/problems/unknown", "/runs/{id}", "/runs/{id}/nothing"]


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_of(app) as opened:
        yield opened


async def test_the_first_page_offers_to_start_a_run(client: httpx.AsyncClient) -> None:
    page = await look(client, "/")

    assert "No run yet" in page.text
    assert page.actions == ["/start"]
    assert "No version occurs twice in a project" in page.text


async def test_older_runs_are_a_page_further(client: httpx.AsyncClient) -> None:
    addresses = []
    for _ in range(RUNS_ON_A_PAGE + 2):
        addresses.append(await start(client))
        await client.post(f"{addresses[-1]}/cancel")

    first = await look(client, "/")
    older = next(link["href"] for link in first.all("a") if link.get("rel") == "next")
    last = await look(client, older or "")

    assert links_to_runs(first) + links_to_runs(last) == addresses[::-1]
    assert not [link for link in last.all("a") if link.get("rel") == "next"]
    await look(client, "/?page_token=nothing", status=400)


async def test_the_list_is_newest_first_and_links_to_each(client: httpx.AsyncClient) -> None:
    addresses = []
    for _ in range(2):
        addresses.append(await start(client))
        await client.post(f"{addresses[-1]}/cancel")

    page = await look(client, "/")

    assert links_to_runs(page) == addresses[::-1]


async def test_to_look_changes_nothing(client: httpx.AsyncClient, service: Service) -> None:
    address = await start(client)
    before = await service.control.events(id_in(address))

    back = await client.get(f"{address}/cancel")

    assert (back.status_code, back.headers["Location"]) == (303, address)
    assert await service.control.events(id_in(address)) == before


async def test_hostile_words_are_shown_and_never_run(
    client: httpx.AsyncClient, service: Service, redis_url: str
) -> None:
    control = service.control
    run, _ = await control.enqueue("generation-versions", default_pace(service.settings), requested_by=HOSTILE)
    await control.act(run.id, Action.PAUSE, who=HOSTILE)
    key = f"{service.settings.redis_prefix}:run:{run.id}"
    with redis.Redis.from_url(redis_url) as client_of_redis:
        client_of_redis.hset(key, mapping={"error": HOSTILE, "throttled_by": HOSTILE})

    for path in ("/", f"/runs/{run.id}"):
        page = await look(client, path)
        assert HOSTILE in page.text
        assert all(set(script) == {"type", "src"} for script in page.all("script"))


@pytest.fixture
async def pages(client: httpx.AsyncClient) -> list[httpx.Response]:
    run_id = id_in(await start(client))
    return [await client.get(path.format(id=run_id), follow_redirects=True) for path in PAGES]


async def test_a_browser_is_told_to_trust_the_services_own_files_only(pages: list[httpx.Response]) -> None:
    for page in pages:
        policy = page.headers["Content-Security-Policy"].split("; ")
        assert policy[0] == "default-src 'none'"
        assert all(rule.split()[1:] in (["'self'"], ["'none'"]) for rule in policy), policy
        assert {"form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy)
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert page.headers["Cache-Control"] == "no-store"


async def test_no_page_has_a_script_or_a_style_of_its_own(pages: list[httpx.Response]) -> None:
    for response in pages:
        page = Parsed(response.text)
        assert not page.all("style")
        for tag, attributes in page.elements:
            assert not [name for name in attributes if name == "style" or name.startswith("on")], tag
            for address in (attributes.get("src"), attributes.get("href"), attributes.get("action")):
                assert address is None or re.match(r"[/#](?!/)", address), address


async def test_every_page_can_be_found_one_s_way_about_in(pages: list[httpx.Response]) -> None:
    for response in pages:
        page = Parsed(response.text)
        assert page.all("html") == [{"lang": "en"}]
        assert [len(page.all(tag)) for tag in ("main", "h1", "title")] == [1, 1, 1]
        labelled = {label["for"] for label in page.all("label")}
        fields = [field for field in [*page.all("input"), *page.all("select")] if field.get("type") != "hidden"]
        assert {field["id"] for field in fields} == labelled
        assert all("aria-label" in bar for bar in page.all("progress"))
        assert len(page.all("table")) == len(page.all("caption"))
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids))


async def test_the_files_of_the_pages_are_kept_by_browsers(client: httpx.AsyncClient) -> None:
    page = await look(client, "/")
    addresses = [page.all("script")[0]["src"], *(link["href"] for link in page.all("link"))]

    for address in addresses:
        answer = await client.get(address or "")
        assert (answer.status_code, "immutable" in answer.headers["Cache-Control"]) == (200, True)
    assert (await client.get("/static/base.html")).status_code == 404
