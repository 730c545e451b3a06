"""What the autopilot sees is on the page of a run, in the metrics and in the run's JSON, for as long as it looks."""

from __future__ import annotations

import re
from collections.abc import Sequence

import httpx

from backfill.runs.directive import Directive, Stopped
from backfill.runs.readings import Reading
from backfill.store.board import RedisBoard
from backfill.wiring import Service, default_pace
from tests.http.test_metrics import OF_THE_AUTOPILOT, scrape
from tests.support.waiting import wait_until

NAME = "generation-versions"
LAG = Reading(signal="standbys", about="one <b>", value=9_437_184.0, limit=8_388_608.0, unit="bytes", eases=True)
WAL = Reading(signal="wal", value=1_048_576.0, unit="bytes per second")
BLIND = Reading(signal="snapshots", about="of other roles", unread="the role may not see it", warns=True)


async def run_by_the_autopilot(service: Service, *stops: Reading) -> str:
    """A run by the autopilot, of which a monitor has just said this."""
    run, _ = await service.control.enqueue(NAME, default_pace(service.settings, "autopilot"), requested_by="test")
    await publish(RedisBoard(service.redis, prefix=service.settings.redis_prefix), stops)
    return run.id


async def publish(board: RedisBoard, stops: Sequence[Reading]) -> None:
    role = await board.take_role("monitor", [NAME])
    assert role is not None
    stopped = [Stopped(reading=stop, since_ms=role.now_ms) for stop in stops]
    directive = Directive(effort=0.75, runs=1, stops=stopped, readings=[LAG, WAL, BLIND])
    assert (await board.publish("monitor", directive, list(role.lanes)))[0]


def cells(page: str, name: str) -> list[str]:
    row = re.search(rf"<tr><th scope=\"row\">{re.escape(name)}</th>(.*?)</tr>", page)
    assert row is not None, page
    return re.findall(r"<td>(.*?)</td>", row[1])


async def test_the_page_shows_every_signal_with_its_limit(client: httpx.AsyncClient, service: Service) -> None:
    page = (await client.get(f"/runs/{await run_by_the_autopilot(service)}")).text

    assert "It allows 0.75 ranges at once." in page
    assert cells(page, "standbys one &lt;b&gt;") == ["9.0 MiB", "8.0 MiB", "stops"]
    assert cells(page, "wal") == ["1.0 MiB per second", "", ""]
    assert cells(page, "snapshots of other roles") == ["cannot be read: the role may not see it", "", "warns"]


async def test_the_page_draws_what_was_seen_and_says_since_when_it_stops(
    client: httpx.AsyncClient, service: Service
) -> None:
    run_id = await run_by_the_autopilot(service, LAG)
    first = (await client.get(f"/runs/{run_id}")).text
    await wait_until(lambda: _published_again(service, run_id))
    page = (await client.get(f"/runs/{run_id}")).text

    assert 'class="trends"' not in first
    assert re.findall(r'<p id="trend-\d"><b>(\w+)</b> ([^<]+)</p>', page) == [
        ("Pace", "0 ranges, at most 2 ranges; the most was 0 ranges"),
        ("Lag", "9.0 MiB, at most 8.0 MiB; the most was 9.0 MiB"),
        ("WAL", "1.0 MiB per second; the most was 1.0 MiB per second"),
    ]
    assert page.count('class="limit"') == 2
    assert re.fullmatch(r"stops since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", cells(page, "standbys one &lt;b&gt;")[2])
    assert re.search(r"Held up since [\d :-]+ UTC, and tried again by itself: standbys one &lt;b&gt;: 9.0 MiB", page)
    assert re.search(r"Held back for \d+ s in all\.", page)


async def _published_again(service: Service, run_id: str) -> bool:
    """Until there are two samples, which are a second apart, and a second of being held up."""
    board = RedisBoard(service.redis, prefix=service.settings.redis_prefix)
    await publish(board, [LAG])
    run = await service.control.get(run_id)
    return len(await board.history()) >= 2 and run.throttled_ms >= 1_000


async def test_a_stop_is_in_the_json_the_events_and_the_metrics(client: httpx.AsyncClient, service: Service) -> None:
    run_id = await run_by_the_autopilot(service, LAG)
    pace = (await client.get(f"/v1/runs/{run_id}")).json()["pace"]
    scraped = await scrape(client)

    assert (pace["mode"], pace["throttled_by"]) == ("autopilot", "standbys one <b>: 9.0 MiB, at most 8.0 MiB")
    assert scraped.labels.keys() >= OF_THE_AUTOPILOT
    assert [event.kind for event in await service.control.events(run_id)][-1] == "throttled"


async def test_a_run_at_a_fixed_pace_shows_no_autopilot(client: httpx.AsyncClient, service: Service) -> None:
    run, _ = await service.control.enqueue(NAME, default_pace(service.settings, "fixed"), requested_by="test")

    assert "Autopilot" not in (await client.get(f"/runs/{run.id}")).text


async def test_the_mode_is_set_over_http(client: httpx.AsyncClient, service: Service) -> None:
    started = await client.post(f"/v1/backfills/{NAME}/runs", json={"mode": "fixed"})
    changed = await client.patch(started.headers["Location"], json={"mode": "autopilot"})
    refused = await client.patch(started.headers["Location"], json={"mode": "reckless"})

    assert [answer.json()["pace"]["mode"] for answer in (started, changed)] == ["fixed", "autopilot"]
    assert started.json()["pace"]["pause_ms"] == service.settings.pause_ms
    assert refused.status_code == 422
