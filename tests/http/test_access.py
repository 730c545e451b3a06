"""Who may call what: a table of every route, with no token, an unknown one, one that may read, one that may operate."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from backfill.http.app import create_app
from backfill.http.tokens import Scope, TokenBook, load_book, new_token
from backfill.runs.errors import SettingsError
from backfill.settings import Settings
from backfill.wiring import Service
from tests.conftest import Spawn
from tests.http.conftest import client_of
from tests.http.test_serving import address_of
from tests.support.cli import BACKFILL
from tests.support.commands import run_command

READER, READER_TOKEN = new_token("grafana", Scope.READ)
OPERATOR, OPERATOR_TOKEN = new_token("deploys", Scope.OPERATE)
UNKNOWN, _ = new_token("nobody", Scope.OPERATE)
HEADERS = {
    "no token": {},
    "an unknown token": {"Authorization": f"Bearer {UNKNOWN}"},
    "no bearer": {"Authorization": f"Basic {OPERATOR}"},
    "read": {"Authorization": f"Bearer {READER}"},
    "operate": {"Authorization": f"Bearer {OPERATOR}"},
}
ANYBODY, READ, OPERATE = (
    {"no token": True, "an unknown token": True, "no bearer": True, "read": True, "operate": True},
    {"no token": False, "an unknown token": False, "no bearer": False, "read": True, "operate": True},
    {"no token": False, "an unknown token": False, "no bearer": False, "read": False, "operate": True},
)
ROUTES = {
    ("GET", "/livez"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/openapi.json"): ANYBODY,
    ("GET", "/metrics"): READ,
    ("GET", "/v1/backfills"): READ,
    ("GET", "/v1/workers"): READ,
    ("GET", "/v1/runs"): READ,
    ("GET", "/v1/runs/{run_id}"): READ,
    ("GET", "/v1/runs/{run_id}/events"): READ,
    ("GET", "/v1/runs/{run_id}/report"): READ,
    ("POST", "/v1/backfills/{name}/runs"): OPERATE,
    ("PATCH", "/v1/runs/{run_id}"): OPERATE,
    ("POST", "/v1/runs/{run_id}/approve"): OPERATE,
    ("POST", "/v1/runs/{run_id}/pause"): OPERATE,
    ("POST", "/v1/runs/{run_id}/resume"): OPERATE,
    ("POST", "/v1/runs/{run_id}/cancel"): OPERATE,
    ("POST", "/v1/runs/{run_id}/retry"): OPERATE,
    # The pages, for a client that is no browser; a browser is sent to sign in.
    ("GET", "/"): READ,
    ("GET", "/workers"): READ,
    ("GET", "/start"): READ,
    ("GET", "/runs/{run_id}"): READ,
    ("GET", "/runs/{run_id}/{action}"): READ,
    ("POST", "/start"): OPERATE,
    ("POST", "/runs/{run_id}/pace"): OPERATE,
    ("POST", "/runs/{run_id}/{action}"): OPERATE,
    ("GET", "/login"): ANYBODY,
    ("POST", "/login"): ANYBODY,
    ("POST", "/logout"): ANYBODY,
    ("GET", "/problems/{slug}"): ANYBODY,
    ("GET", "/static/{name}"): ANYBODY,
}


@pytest.fixture
def guarded_app(service: Service) -> FastAPI:
    return create_app(service, tokens=TokenBook((READER_TOKEN, OPERATOR_TOKEN)))


@pytest.fixture
async def guarded(guarded_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(guarded_app) as opened:
        yield opened


def every_route(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for route in routes:
        if hasattr(route, "original_router"):
            yield from every_route(route.original_router.routes)
        else:
            # What says nothing of methods, such as a folder of files, is read.
            yield from ((method, route.path) for method in getattr(route, "methods", None) or {"GET"})


def test_the_table_has_every_route(guarded_app: FastAPI) -> None:
    routes = {(method, path) for method, path in every_route(guarded_app.routes) if method != "HEAD"}

    assert routes == set(ROUTES)


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: part)
async def test_a_route_lets_in_those_it_should(guarded: httpx.AsyncClient, method: str, path: str) -> None:
    address = path.format(run_id="000000000000", name="unknown", action="pause", slug="usage")
    body: dict[str, int] | None = {} if method == "PATCH" else None

    answers = {who: await guarded.request(method, address, headers=given, json=body) for who, given in HEADERS.items()}

    assert {who: answer.status_code not in (401, 403) for who, answer in answers.items()} == ROUTES[method, path]
    refused = {who: answer for who, answer in answers.items() if answer.status_code in (401, 403)}
    assert all((answer.status_code == 403) == (who == "read") for who, answer in refused.items())
    assert all(answer.headers["WWW-Authenticate"].startswith("Bearer") for answer in refused.values())
    assert all(answer.headers["Content-Type"] == "application/problem+json" for answer in refused.values())


async def test_a_token_in_the_cookie_is_as_good(guarded: httpx.AsyncClient) -> None:
    guarded.cookies.set("backfill_token", OPERATOR)

    assert (await guarded.get("/v1/runs")).status_code == 200


async def test_the_run_says_whose_token_it_was(guarded: httpx.AsyncClient) -> None:
    run = (await guarded.post("/v1/backfills/generation-versions/runs", headers=HEADERS["operate"])).json()

    assert run["requested_by"] == "http:deploys"


async def test_the_description_names_the_scheme_and_no_secret(guarded: httpx.AsyncClient) -> None:
    text = (await guarded.get("/openapi.json")).text

    assert "bearer" in json.dumps(json.loads(text)["components"]["securitySchemes"])
    assert OPERATOR not in text
    assert OPERATOR_TOKEN.digest.hex() not in text


def test_tokens_come_from_the_setting_and_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# of the dashboards\n\n{READER_TOKEN.line()}  # grafana\n")
    settings = Settings.model_validate({"tokens": f"{OPERATOR_TOKEN.line()},", "tokens_file": file})

    book = load_book(settings)

    assert book.find(READER) == READER_TOKEN
    assert book.find(OPERATOR) == OPERATOR_TOKEN
    assert book.find(UNKNOWN) is None
    assert book.find("") is None


def test_two_tokens_of_one_name_are_good_at_once(tmp_path: Path) -> None:
    newer_secret, newer = new_token("grafana", Scope.READ)
    settings = Settings.model_validate({"tokens": f"{READER_TOKEN.line()},{newer.line()}"})

    book = load_book(settings)

    assert book.find(READER) == READER_TOKEN
    assert book.find(newer_secret) == newer


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("grafana:read:abc", "line 2: this is no token"),
        (READER, "line 2: this is no token"),
        (f"grafana:admin:{'0' * 64}", "line 2: the scope is neither"),
    ],
    ids=["no hash", "the secret itself", "no scope"],
)
def test_a_wrong_entry_is_told_by_its_place_and_never_repeated(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"{READER_TOKEN.line()}\n{line}\n")

    with pytest.raises(SettingsError) as error:
        load_book(Settings.model_validate({"tokens_file": file}))

    assert words in str(error.value)
    assert line not in str(error.value)


async def test_with_tokens_it_listens_elsewhere_and_keeps_their_secrets(
    spawn: Spawn, environment: dict[str, str]
) -> None:
    made = run_command(*BACKFILL, "token", "ci", "--operate", "--json", env=environment)
    token = json.loads(made.stdout)
    serving = spawn(
        *BACKFILL, "serve", "--host", "0.0.0.0", "--port", "0",  # noqa: S104 - that it may is the point
        env=environment | {"BACKFILL_TOKENS": token["entry"]},
    )  # fmt: skip
    port = re.sub(r".*:", "", await address_of(serving))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        refused = await client.get("/v1/runs")
        let_in = await client.get("/v1/runs", headers={"Authorization": f"Bearer {token['secret']}"})
        wrong = await client.get("/v1/runs", headers={"Authorization": f"Bearer {UNKNOWN}"})

    assert (refused.status_code, let_in.status_code, wrong.status_code) == (401, 200, 401)
    assert hashlib.sha256(token["secret"].encode()).hexdigest() in token["entry"]
    for secret in (token["secret"], UNKNOWN):
        assert secret not in serving.log
