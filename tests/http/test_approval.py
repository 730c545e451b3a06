"""A run that needs an approval: it waits for somebody else, whatever the way, and says who that was."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from backfill.http.app import create_app
from backfill.http.tokens import Scope, TokenBook, new_token
from backfill.runs.telling import sentence_of
from backfill.wiring import Service, default_pace
from tests.http.conftest import client_of
from tests.support.cli import BACKFILL
from tests.support.commands import run_command

NAME = "generation-versions"
RUNS = f"/v1/backfills/{NAME}/runs"
SECRETS, TOKENS = zip(*(new_token(name, Scope.OPERATE) for name in ("ann", "ann", "bob")), strict=True)
ANN, ANN_AGAIN, BOB = ({"Authorization": f"Bearer {secret}"} for secret in SECRETS)


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(service, tokens=TokenBook(TOKENS))) as opened:
        yield opened


async def test_a_run_waits_for_somebody_with_another_token(client: httpx.AsyncClient, service: Service) -> None:
    proposed = (await client.post(RUNS, json={"needs_approval": True}, headers=ANN)).json()
    address = f"/v1/runs/{proposed['id']}"
    claimed = await service.control.store.claim(proposed["id"], token="w")
    own = [(await client.post(f"{address}/approve", headers=headers)) for headers in (ANN, ANN_AGAIN)]
    approved = (await client.post(f"{address}/approve", headers=BOB, json={"note": "CHG-7"})).json()
    again = await client.post(f"{address}/approve", headers=ANN)

    assert (proposed["state"], proposed["done"], proposed["actions"]) == ("proposed", False, ["approve", "cancel"])
    assert proposed["next"] == f"Somebody else lets it begin: backfill approve {proposed['id']}."
    assert claimed is None
    assert [(one.status_code, one.json()["type"]) for one in own] == [(403, "/problems/own-approval")] * 2
    assert "was asked for by http:ann, so http:ann cannot approve it. Somebody else has to" in own[0].text
    assert (approved["state"], approved["approved_by"]) == ("queued", "http:bob")
    assert (again.status_code, again.json()["approved_by"]) == (202, "http:bob")
    assert await service.control.store.claim(proposed["id"], token="w") is not None
    told = [sentence_of(event.kind, event.about) for event in await service.control.events(proposed["id"])]
    assert told[:2] == [
        "Proposed, asked for by http:ann. It waits for the approval of somebody else.",
        "Queued, asked for by http:bob. Somebody else than who asked for the run lets it begin. Note: CHG-7.",
    ]


async def test_a_proposed_run_can_be_cancelled_and_not_be_resumed(client: httpx.AsyncClient) -> None:
    address = (await client.post(RUNS, json={"needs_approval": True}, headers=ANN)).headers["Location"]
    resumed = await client.post(f"{address}/resume", headers=BOB)
    cancelled = await client.post(f"{address}/cancel", headers=ANN)

    assert (resumed.status_code, resumed.json()["actions"]) == (409, ["approve", "cancel"])
    assert cancelled.json()["state"] == "cancelled"


async def test_the_page_offers_the_approval_to_everybody_but_who_asked(client: httpx.AsyncClient) -> None:
    form = {"backfill": NAME, "needs_approval": "yes", "key": "k"}
    started = await client.post("/start", data=form, headers=ANN)
    address = started.headers["Location"]
    own, other = [(await client.get(address, headers=headers)).text for headers in (ANN, BOB)]
    approved = await client.post(f"{address}/approve", headers=BOB)

    assert "You have asked for it, so somebody else has to approve it." in own
    assert f"{address}/approve" not in own
    assert f'formaction="{address}/approve"' in other
    assert approved.status_code == 303
    assert "approved by http:bob" in (await client.get(address, headers=ANN)).text


async def test_the_settings_can_ask_for_an_approval_of_every_run(service: Service) -> None:
    strict = replace(service, settings=service.settings.model_copy(update={"require_approval": True}))
    async with client_of(create_app(strict, tokens=TokenBook(TOKENS))) as client:
        index = (await client.get("/", headers=ANN)).text
        run = (await client.post(RUNS, json={"needs_approval": False}, headers=ANN)).json()

    assert "It begins when somebody else has approved it." in index
    assert run["state"] == "proposed"


def test_a_shell_proposes_watch_says_so_and_another_account_approves(environment: dict[str, str]) -> None:
    ann, bob = ({**environment, "LOGNAME": name} for name in ("ann", "bob"))
    proposed = run_command(*BACKFILL, "enqueue", NAME, "--needs-approval", env=ann)
    watched = run_command(*BACKFILL, "watch", env=ann)
    own = run_command(*BACKFILL, "approve", env=ann)
    approved = run_command(*BACKFILL, "approve", env=bob)
    shown = run_command(*BACKFILL, "status", env=ann).stdout

    assert "is proposed. Somebody else lets it begin: backfill approve " in proposed.stdout
    assert (watched.returncode, "waits for the approval of somebody else than cli:ann@" in watched.stderr) == (3, True)
    assert (own.returncode, "cannot approve it" in own.stderr) == (5, True)
    assert (approved.returncode, "is queued" in approved.stdout) == (0, True)
    assert re.search(r"^  approved +by cli:bob@", shown, re.MULTILINE)


async def test_a_run_by_the_library_needs_none(service: Service) -> None:
    run, _ = await service.control.enqueue(NAME, default_pace(service.settings), requested_by="test")

    assert (run.state, run.approved_by) == ("queued", None)
