"""One caller cannot take the service away from the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from backfill.http.app import create_app
from backfill.http.tokens import Scope, TokenBook, new_token
from backfill.wiring import Service
from tests.http.conftest import client_of

PER_MINUTE = 5
ONE, ONE_TOKEN = new_token("one", Scope.READ)
OTHER, OTHER_TOKEN = new_token("other", Scope.READ)


@pytest.fixture
async def limited(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    settings = service.settings.model_copy(update={"http_requests_per_minute": PER_MINUTE})
    app = create_app(replace(service, settings=settings), tokens=TokenBook((ONE_TOKEN, OTHER_TOKEN)))
    async with client_of(app) as opened:
        yield opened


async def statuses(client: httpx.AsyncClient, secret: str, times: int) -> list[int]:
    headers = {"Authorization": f"Bearer {secret}"}
    return [(await client.get("/v1/backfills", headers=headers)).status_code for _ in range(times)]


async def test_who_asks_too_often_is_told_when_to_come_back(limited: httpx.AsyncClient) -> None:
    answers = await statuses(limited, ONE, PER_MINUTE)
    refused = await limited.get("/v1/backfills", headers={"Authorization": f"Bearer {ONE}"})

    assert answers == [200] * PER_MINUTE
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/too-many-requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


async def test_the_others_are_served_meanwhile(limited: httpx.AsyncClient) -> None:
    await statuses(limited, ONE, PER_MINUTE + 1)

    assert await statuses(limited, OTHER, 1) == [200]


async def test_guessing_tokens_is_counted_by_address(limited: httpx.AsyncClient) -> None:
    guesses = [await statuses(limited, f"bf_guess{number}", 1) for number in range(PER_MINUTE + 1)]

    assert guesses == [[401]] * PER_MINUTE + [[429]]


async def test_a_supervisor_is_never_turned_away(limited: httpx.AsyncClient) -> None:
    await statuses(limited, "", PER_MINUTE + 1)

    assert (await limited.get("/livez")).status_code == 200
