"""The forms of the pages: what they do, and how they say no."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from backfill.runs.states import Action, State
from backfill.wiring import Service
from tests.support.pages import HOSTILE, Parsed, browser_of, id_in, look, start

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_of(app) as opened:
        yield opened


async def test_a_run_that_was_started_by_a_form_has_its_pace_and_who_asked(
    client: httpx.AsyncClient, service: Service
) -> None:
    address = await start(client, parallel="7", pause_ms="20", batch_rows="")

    run = await service.control.get(id_in(address))
    assert (run.pace.parallel, run.pace.pause_ms, run.pace.batch_rows) == (7, 20, service.settings.batch_rows)
    page = await look(client, address)
    assert f"requested by {run.requested_by}" in page.text
    assert "It waits for a worker." in page.text


async def test_a_button_that_is_clicked_twice_starts_one_run(client: httpx.AsyncClient) -> None:
    key = next(field["value"] for field in (await look(client, "/")).all("input") if field["name"] == "key")

    assert await start(client, key=key or "") == await start(client, key=key or "")


@pytest.mark.parametrize(
    ("taken", "state", "offered"),
    [
        ([], State.QUEUED, ["pause", "cancel", "pace"]),
        (["pause"], State.PAUSED, ["resume", "cancel", "pace"]),
        (["pause", "resume"], State.QUEUED, ["pause", "cancel", "pace"]),
        (["cancel"], State.CANCELLED, [None]),
    ],
)
async def test_a_page_offers_what_the_state_allows(
    client: httpx.AsyncClient, taken: list[str], state: State, offered: list[str | None]
) -> None:
    address = await start(client)
    for action in taken:
        answer = await client.post(f"{address}/{action}")
        assert (answer.status_code, answer.headers["Location"]) == (303, address)

    page = await look(client, address)

    assert ("span", {"class": f"state {state}"}) in page.elements
    assert page.actions == [f"{address}/{action}" if action else "/start" for action in offered]


async def test_a_failed_run_can_be_retried(client: httpx.AsyncClient, service: Service) -> None:
    address = await start(client)
    for action in (Action.START, Action.VERIFY, Action.FAIL):
        await service.control.store.act(id_in(address), action, who="engine")

    page = await look(client, address)

    assert page.actions == [f"{address}/retry", "/start"]
    assert "Quarantined units are taken up again, then all is verified." in page.text


async def test_the_pace_is_changed_by_a_form(client: httpx.AsyncClient, service: Service) -> None:
    address = await start(client)

    answer = await client.post(f"{address}/pace", data={"rows_per_second": "500", "parallel": " 3 "})

    assert (answer.status_code, answer.headers["Location"]) == (303, address)
    pace = (await service.control.get(id_in(address))).pace
    assert (pace.rows_per_second, pace.parallel) == (500, 3)
    assert "3 ranges at once" in (text := (await look(client, address)).text)
    assert "at most 500 rows/s" in text


@pytest.mark.parametrize(
    ("action", "form", "status", "told"),
    [
        ("pace", {"parallel": "0"}, 422, "Give a whole number from 1 to 64."),
        ("pace", {"parallel": "1_0"}, 422, "parallel is not a whole number."),
        ("pace", {"parallel": "\u0661"}, 422, "parallel is not a whole number."),
        ("pace", {"parallel": "9" * 5000}, 422, "parallel is not a whole number."),
        ("pace", {"parallel": HOSTILE}, 422, "parallel is not a whole number."),
    ],
)
async def test_a_form_that_is_refused_says_why_on_its_page(
    client: httpx.AsyncClient, action: str, form: dict[str, str], status: int, told: str
) -> None:
    address = await start(client)

    answer = await client.post(f"{address}/{action}", data=form)

    page = Parsed(answer.text)
    assert answer.status_code == status
    assert str(status) in page.text
    assert told in page.text
    assert page.actions[0] == f"{address}/pause"
    assert not [text for text in page.all("script") if "src" not in text]
    typed = next(field for field in page.all("input") if field["name"] == "parallel")
    assert typed["value"] == form.get("parallel", "2")


async def test_a_note_goes_with_what_is_asked_and_is_shown_with_its_event(
    client: httpx.AsyncClient, service: Service
) -> None:
    address = await start(client, note="CHG-1044")
    await client.post(f"{address}/pace", data={"pause_ms": "50", "note": "quiet hours"})
    await client.post(f"{address}/pause", data={"note": "until the release is out"})
    await client.post(f"{address}/cancel", data={"note": "not today"})

    notes = [note.text for note in (await service.control.get(id_in(address))).notes]
    assert notes == ["CHG-1044", "quiet hours", "until the release is out", "not today"]
    text = (await look(client, address)).text
    assert all(f"Note: {note}." in text for note in notes)


async def test_a_note_that_cannot_be_kept_is_refused_and_not_lost(client: httpx.AsyncClient) -> None:
    address = await start(client)

    answer = await client.post(f"{address}/pause", data={"note": "two\nlines"})

    page = Parsed(answer.text)
    assert answer.status_code == 422
    assert "Give one line of plain text." in page.text
    assert ("span", {"class": "state queued"}) in page.elements
    assert next(field for field in page.all("input") if field["name"] == "note")["value"] == "two\nlines"


async def test_no_second_run_is_offered_beside_an_active_one(client: httpx.AsyncClient, service: Service) -> None:
    failed = await start(client)
    for action in (Action.START, Action.VERIFY, Action.FAIL):
        await service.control.store.act(id_in(failed), action, who="engine")
    active = await start(client)

    runs, ended = await look(client, "/"), await look(client, failed)

    assert runs.actions == []
    assert f"Run {id_in(active)} is active." in runs.text
    assert "/start" not in ended.actions
    assert ("a", {"href": active}) in ended.elements
    await client.post(f"{active}/cancel")
    assert (await look(client, "/")).actions == (await look(client, failed)).actions[1:] == ["/start"]


async def test_an_action_that_is_not_possible_says_what_is(client: httpx.AsyncClient) -> None:
    address = await start(client)
    await client.post(f"{address}/pause")

    answer = await client.post(f"{address}/retry")

    page = Parsed(answer.text)
    assert answer.status_code == 409
    assert "Possible now: resume, cancel." in page.text
    assert page.actions[:2] == [f"{address}/resume", f"{address}/cancel"]
    assert ("a", {"href": "/problems/wrong-state"}) in page.elements


async def test_a_second_run_is_refused_with_a_link_to_the_first(client: httpx.AsyncClient) -> None:
    address = await start(client)

    answer = await client.post("/start", data={"backfill": "generation-versions"})

    assert answer.status_code == 409
    assert f'href="{address}"' in answer.text


@pytest.mark.parametrize(
    ("path", "content", "headers", "status"),
    [
        ("/start", b"backfill=nothing", FORM, 404),
        ("/start", b"{}", {"Content-Type": "application/json"}, 415),
        ("/start", b"backfill=%ff", FORM, 422),
        ("/start", b"\xff", FORM, 422),
        ("/start", b"&".join(b"a=1" for _ in range(100)), FORM, 422),
        ("/runs/unknown/pause", b"", {}, 404),
        ("/runs/unknown/pace", b"", {}, 404),
        ("/runs/unknown/explode", b"", {}, 404),
    ],
)
async def test_what_cannot_be_read_is_refused_with_a_page(
    client: httpx.AsyncClient, path: str, content: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await client.post(path, content=content, headers={**headers, "Accept": "text/html"})

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert "Traceback" not in answer.text
    assert (await client.get("/v1/runs")).json()["runs"] == []


async def test_a_form_without_an_end_is_not_read_to_it(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"a" * 10_000

    answer = await client.post("/start", content=endless(), headers=FORM)

    assert (answer.status_code, "text/html" in answer.headers["Content-Type"]) == (413, True)


async def test_a_page_of_another_site_cannot_send_a_form(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/start", data={"backfill": "generation-versions"}, headers={"Origin": "https://evil.example"}
    )

    assert answer.status_code == 403
