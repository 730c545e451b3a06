"""Lists come by pages, with filters; the page token is opaque and holds while new runs come in front."""

from __future__ import annotations

import httpx
import pytest

from backfill.http.paging import dump_page_token
from backfill.runs.states import Action
from backfill.wiring import Service, default_pace


async def ended_runs(service: Service, count: int) -> list[str]:
    """Cancelled runs, newest first."""
    ids = []
    for _ in range(count):
        run, _is_new = await service.control.enqueue(
            "generation-versions", default_pace(service.settings), requested_by="test"
        )
        await service.control.act(run.id, Action.CANCEL, who="test")
        ids.append(run.id)
    return ids[::-1]


async def ids_of_all_pages(client: httpx.AsyncClient, query: str) -> list[list[str]]:
    pages, token = [], ""
    while True:
        answer = (await client.get(f"/v1/runs?{query}{token}")).json()
        pages.append([run["id"] for run in answer["runs"]])
        if answer["next_page_token"] is None:
            return pages
        token = f"&page_token={answer['next_page_token']}"


async def test_pages_hold_every_run_once(client: httpx.AsyncClient, service: Service) -> None:
    ids = await ended_runs(service, 5)

    assert await ids_of_all_pages(client, "page_size=2") == [ids[:2], ids[2:4], ids[4:]]
    assert await ids_of_all_pages(client, "page_size=5") == [ids]


async def test_a_page_token_holds_while_new_runs_come_in_front(client: httpx.AsyncClient, service: Service) -> None:
    ids = await ended_runs(service, 3)
    first = (await client.get("/v1/runs?page_size=1")).json()
    await ended_runs(service, 1)

    second = (await client.get(f"/v1/runs?page_size=5&page_token={first['next_page_token']}")).json()

    assert [run["id"] for run in second["runs"]] == ids[1:]


async def test_filters_choose_by_state_and_backfill(client: httpx.AsyncClient, service: Service) -> None:
    ids = await ended_runs(service, 3)
    run, _ = await service.control.enqueue("generation-versions", default_pace(service.settings), requested_by="test")

    assert await ids_of_all_pages(client, "state=queued") == [[run.id]]
    assert await ids_of_all_pages(client, "state=cancelled&page_size=2") == [ids[:2], ids[2:]]
    assert await ids_of_all_pages(client, "backfill=another") == [[]]


@pytest.mark.parametrize("token", ["", "nonsense", "%00", "MTo", dump_page_token("000000000000")])
async def test_a_token_that_is_none_is_refused(client: httpx.AsyncClient, token: str) -> None:
    response = await client.get(f"/v1/runs?page_token={token}")

    assert (response.status_code, response.json()["type"]) == (400, "/problems/unknown-page-token")
