"""Signing in with a browser: the token in a cookie, and where it leads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from backfill.http.app import create_app
from backfill.http.pages.route import same_site_path
from backfill.http.tokens import Scope, TokenBook, new_token
from backfill.wiring import Service
from tests.support.pages import HOSTILE, Parsed, browser_of, look, start

READER, READER_TOKEN = new_token("grafana", Scope.READ)
OPERATOR, OPERATOR_TOKEN = new_token("deploys", Scope.OPERATE)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_of(app) as opened:
        yield opened


@asynccontextmanager
async def signing_in(app: FastAPI, **form: str) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.Response]]:
    """A browser, and the answer to what it sent to sign in."""
    async with browser_of(app) as visitor:
        yield visitor, await visitor.post("/login", data=form)


@pytest.fixture
def guarded_app(service: Service) -> FastAPI:
    return create_app(service, tokens=TokenBook((READER_TOKEN, OPERATOR_TOKEN)))


async def test_a_stranger_is_sent_to_sign_in_and_comes_back(guarded_app: FastAPI) -> None:
    async with browser_of(guarded_app) as stranger:
        sent = await stranger.get("/runs/a1?x=1")
        page = await look(stranger, sent.headers["Location"])
        fields = {field["name"] or "": field.get("value") or "" for field in page.all("input")}
        let_in = await stranger.post("/login", data={**fields, "token": OPERATOR})

    assert (sent.status_code, sent.headers["Location"]) == (303, "/login?next=%2Fruns%2Fa1%3Fx%3D1")
    assert (let_in.status_code, let_in.headers["Location"]) == (303, "/runs/a1?x=1")


async def test_a_form_of_somebody_who_was_signed_out_leads_back_to_its_page(guarded_app: FastAPI) -> None:
    async with browser_of(guarded_app) as stranger:
        sent = [await stranger.post(path) for path in ("/start", "/runs/a1/pause", "/runs/a1/pace")]

    assert [answer.headers["Location"] for answer in sent] == [
        "/login?next=%2F",
        *["/login?next=%2Fruns%2Fa1"] * 2,
    ]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_cookie_is_for_this_service_alone(guarded_app: FastAPI, scheme: str) -> None:
    async with browser_of(guarded_app) as visitor:
        answer = await visitor.post(f"{scheme}://127.0.0.1/login", data={"token": OPERATOR})

    name, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert name == f"backfill_token={OPERATOR}"
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(attributes)
    assert ("Secure" in attributes) == (scheme == "https")


@pytest.mark.parametrize(("secret", "status"), [("bf_wrong", 401), ("", 422), (HOSTILE, 401)])
async def test_a_wrong_token_is_refused_on_the_page(guarded_app: FastAPI, secret: str, status: int) -> None:
    async with signing_in(guarded_app, token=secret, next="/runs/a1") as (_, answer):
        page = Parsed(answer.text)

    assert (answer.status_code, "Set-Cookie" in answer.headers) == (status, False)
    assert str(status) in page.text
    assert {"type": "hidden", "name": "next", "value": "/runs/a1"} in page.all("input")
    assert not secret or secret not in page.text


async def test_signing_out_forgets_the_token(guarded_app: FastAPI) -> None:
    async with signing_in(guarded_app, token=OPERATOR) as (visitor, _):
        before = await visitor.get("/")
        await visitor.post("/logout")
        after = await visitor.get("/")

    assert "deploys" in before.text
    assert (before.status_code, after.status_code) == (200, 303)


async def test_who_may_only_read_is_offered_nothing_and_can_do_nothing(guarded_app: FastAPI) -> None:
    by_operator, by_reader = (signing_in(guarded_app, token=secret) for secret in (OPERATOR, READER))
    async with by_operator as (operator, _), by_reader as (reader, _):
        address = await start(operator)
        pages = [await look(reader, path) for path in ("/", address)]
        refused = await reader.post(f"{address}/cancel")
        still = await look(operator, address)

    assert [page.actions for page in pages] == [["/logout"], ["/logout"]]
    assert (refused.status_code, "text/html" in refused.headers["Content-Type"]) == (403, True)
    assert f"{address}/cancel" in still.actions
    assert "requested by http:deploys" in still.text


async def test_there_is_nothing_to_sign_in_to_without_tokens(client: httpx.AsyncClient) -> None:
    answer = await client.get("/login?next=/runs/a1")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/runs/a1")
    assert "/logout" not in (await look(client, "/")).actions


async def test_an_elsewhere_is_never_gone_to(guarded_app: FastAPI) -> None:
    async with signing_in(guarded_app, token=OPERATOR, next="//evil.example") as (_, answer):
        assert answer.headers["Location"] == "/"


@pytest.mark.parametrize("path", ["/", "/runs/a1?x=1", "/runs/a%20b", "/?page_token=a//b"])
def test_a_path_of_this_service_is_gone_to(path: str) -> None:
    assert same_site_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        *("", "runs", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example"),
        *("https://evil.example", "https:evil.example", "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example"),
        *("/\u2028x", "http:///evil.example", " //evil.example", "//[", "/\r\nSet-Cookie: a=b"),
    ],
)
def test_no_other_path_is(path: str) -> None:
    assert same_site_path(path) == "/"
