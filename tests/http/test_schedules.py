"""When a run works, over HTTP and on the page: asked for, changed, shown and refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI

from backfill.wiring import Service
from tests.http.test_metrics import scrape
from tests.support.pages import browser_of, id_in, look, start

NAME = "generation-versions"
RUNS = f"/v1/backfills/{NAME}/runs"
WINDOW = "mon-sun 00:00-00:01 Europe/Vienna"
KEPT = "00:00-00:01 Europe/Vienna"
LATER = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=30)


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_of(app) as opened:
        yield opened


async def test_a_run_is_started_and_changed_with_a_window(client: httpx.AsyncClient) -> None:
    started = await client.post(RUNS, json={"window": WINDOW, "not_before": LATER.isoformat(), "parallel": 3})
    address = started.headers["Location"]
    changed = (await client.patch(address, json={"window": "always", "note": "CHG-2"})).json()
    both = (await client.patch(address, json={"not_before": "now", "parallel": 2})).json()

    run = started.json()
    assert (run["schedule"]["window"], run["schedule"]["open"], run["pace"]["parallel"]) == (KEPT, False, 3)
    assert run["schedule"]["not_before"] == LATER.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert run["schedule"]["waits"].startswith("outside its window until ")
    assert (changed["schedule"]["window"], changed["notes"][-1]["text"]) == (None, "CHG-2")
    assert changed["schedule"]["waits"].startswith("not to begin before ")
    assert (both["schedule"]["open"], both["schedule"]["until"], both["pace"]["parallel"]) == (True, None, 2)


@pytest.mark.parametrize("wrong", [{"window": "whenever"}, {"not_before": "2001-01-01"}])
async def test_what_is_refused_changes_nothing(client: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    refused = await client.post(RUNS, json=wrong)
    address = (await client.post(RUNS, json={"parallel": 1})).headers["Location"]
    unchanged = await client.patch(address, json={"parallel": 5, **wrong})

    assert (refused.status_code, unchanged.status_code) == (422, 422)
    assert refused.json()["type"] == "/problems/usage"
    assert (await client.get(address)).json()["pace"]["parallel"] == 1


async def test_the_form_takes_mode_window_and_moment_and_shows_them_again(
    browser: httpx.AsyncClient, service: Service
) -> None:
    moment = f"{LATER:%Y-%m-%dT%H:%M}"
    address = await start(browser, mode="autopilot", window=WINDOW, not_before=moment, pause_ms="20")
    run = await service.control.get(id_in(address))
    page = await look(browser, address)
    same = await browser.post(f"{address}/pace", data={"mode": "fixed", "window": KEPT, "not_before": moment})
    after = await service.control.get(run.id)

    assert (run.pace.mode, run.schedule.window) == ("autopilot", KEPT)
    assert f"Works only {KEPT}, not before {run.schedule.local_time(run.schedule.not_before_ms or 0)}" in page.text
    assert f"Outside its window until {run.schedule.local_time(run.schedule.phases[0].opens_ms)}." in page.text
    assert moment in [field["value"] for field in page.all("input") if field.get("name") == "not_before"]
    assert same.status_code == 303
    assert (after.pace.mode, after.schedule) == ("fixed", run.schedule)
    assert [event.kind for event in await service.control.events(run.id)].count("schedule") == 0


async def test_a_run_outside_its_window_is_told_apart_in_the_metrics(client: httpx.AsyncClient) -> None:
    run = (await client.post(RUNS, json={"window": KEPT})).json()
    outside = (await scrape(client))["outside_window"]
    await client.patch(f"/v1/runs/{run['id']}", json={"window": "always"})

    assert (outside, (await scrape(client))["outside_window"]) == (1.0, 0.0)


async def test_the_window_of_the_settings_is_that_of_a_run_that_says_nothing_else(
    client: httpx.AsyncClient, app: FastAPI, service: Service
) -> None:
    object.__setattr__(service.settings, "window", KEPT)  # frozen for everybody else

    said = (await client.post(RUNS, json={"window": "always"})).json()
    await client.post(f"/v1/runs/{said['id']}/cancel")
    unsaid = (await client.post(RUNS)).json()

    assert (said["schedule"]["window"], unsaid["schedule"]["window"]) == (None, KEPT)
