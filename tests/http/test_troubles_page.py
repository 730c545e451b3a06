"""A run that is not well, as its page shows it: quarantined units by their error, and what can be done."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict

import httpx
import pytest
import redis
from fastapi import FastAPI

from backfill.engine.protocols import Event
from backfill.http.pages.gathering import told_together
from backfill.runs.states import Action
from backfill.wiring import Service
from tests.support.pages import browser_of, id_in, look, start
from tests.support.sample_runs import quarantined_unit


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_of(app) as opened:
        yield opened


async def run_with(client: httpx.AsyncClient, service: Service, redis_url: str, errors: Mapping[str, int]) -> str:
    """The address of a run that has been paused with so many quarantined units of each error."""
    address = await start(client)
    key = f"{service.settings.redis_prefix}:run:{id_in(address)}:quarantined"
    with redis.Redis.from_url(redis_url) as client_of_redis:
        for error, count in errors.items():
            for number in range(count):
                unit = asdict(quarantined_unit(f"{error}-{number:02}")) | {"error": error}
                client_of_redis.hset(key, unit["unit_id"], json.dumps(unit))
    await service.control.act(id_in(address), Action.PAUSE, who="test")
    return address


async def test_quarantined_units_are_shown_by_their_error_with_a_count(
    client: httpx.AsyncClient, service: Service, redis_url: str
) -> None:
    address = await run_with(client, service, redis_url, {"seldom": 1, "often": 30})

    page = await look(client, address)

    assert "Quarantined: 31 units that the database refuses. Mend them, then retry takes up just these." in page.text
    assert page.text.index("30 units often") < page.text.index("1 unit seldom")
    groups = [group for group in page.all("details") if group.get("class") == "group"]
    assert [group.get("open", "closed") for group in groups] == ["closed", None]
    units = [unit["title"] or "" for unit in page.all("code") if unit.get("class") == "id"]
    assert len(units) == len(set(units)) == 21
    assert all(page.text.count(unit) == 1 for unit in units)


async def test_one_is_not_said_to_be_many(client: httpx.AsyncClient, service: Service, redis_url: str) -> None:
    address = await run_with(client, service, redis_url, {"seldom": 1})

    text = (await look(client, address)).text

    assert "Quarantined: 1 unit that the database refuses. Mend it, then retry takes up just this one." in text


async def test_a_paused_run_offers_to_take_up_its_quarantined_units_and_says_what_each_button_does(
    client: httpx.AsyncClient, service: Service, redis_url: str
) -> None:
    address = await run_with(client, service, redis_url, {"often": 25})

    page = await look(client, address)

    assert page.actions == [f"{address}/{action}" for action in ("resume", "cancel", "retry", "pace")]
    assert "It goes on from its cursors; what is quarantined stays so." in page.text
    assert "It goes on with the quarantined units too; there must be some." in page.text
    described = {button.get("aria-describedby") for button in page.all("button") if button.get("formaction")}
    explained = {words["id"] for words in page.all("p") if words.get("id", "")}
    assert described - {None} <= explained
    assert (await client.post(f"{address}/retry")).status_code == 303


def quarantine(unit: str, error: str) -> Event:
    about = {"unit": unit, "about": json.dumps({"error": error})}
    return Event(id="1-0", at_ms=0, kind="quarantined", about=about)


def test_units_that_were_quarantined_one_after_the_other_are_one_event() -> None:
    planned = Event(id="1-0", at_ms=0, kind="planned", about={"rows": "9", "units": "1", "ranges": "1"})
    events = [quarantine("a", "often"), quarantine("b", "seldom"), quarantine("c", "often"), planned]

    told = told_together([*events, quarantine("d", "often")])

    assert [event.sentence for event in told] == [
        "1 unit was quarantined: often.",
        "Planned. 9 rows in 1 unit, cut into 1 range.",
        "3 units were quarantined: often (2 times); seldom.",
    ]
