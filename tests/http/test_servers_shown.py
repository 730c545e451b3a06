"""Where there are several servers, the page of a run and the metrics show the one that the run is on."""

from __future__ import annotations

import httpx
import pytest

from backfill.runs.directive import Directive, Stopped
from backfill.runs.readings import Reading
from backfill.runs.terms import Terms
from backfill.store.board import RedisBoard
from backfill.store.servers import RedisServers
from backfill.wiring import Service, default_pace
from tests.http.test_autopilot_shown import NAME
from tests.http.test_metrics import LABELS, OF_THE_AUTOPILOT, scrape

THERE = "titles-lowered"
STOP = Reading(signal="check-canary", value=1.0, limit=0.0)
EFFORT = {"": 0.5, "billing": 3.0}


async def runs_on_two_databases(service: Service, servers: dict[str, str]) -> list[str]:
    """One on each, of which the monitors of their servers have just spoken; that of DATABASE_URL stops it."""
    await RedisServers(service.redis, prefix=service.settings.redis_prefix).note(servers, servers.keys())
    pace, ids = default_pace(service.settings, "autopilot"), []
    for name, database in ((NAME, ""), (THERE, "billing")):
        terms = Terms(database=database)
        made = await service.control.store.create(name, pace, requested_by="test", idempotency_key=None, terms=terms)
        ids.append(made.run_id)
    for database in sorted({server: name for name, server in reversed(servers.items())}.values()):
        board = RedisBoard(service.redis, prefix=service.settings.redis_prefix, database=database, sees=("", "billing"))
        role = await board.take_role("worker" + (f"/{database}" if database else ""), [NAME, THERE])
        assert role is not None
        stops = [] if database else [Stopped(reading=STOP, since_ms=role.now_ms)]
        reading = Reading(signal="wal", value=EFFORT[database] * 1000, unit="bytes per second")
        directive = Directive(effort=EFFORT[database], runs=len(role.lanes), stops=stops, readings=[reading])
        assert (await board.publish("worker" + (f"/{database}" if database else ""), directive, list(role.lanes)))[0]
    return ids


async def test_the_page_of_a_run_shows_its_own_server(client: httpx.AsyncClient, service: Service) -> None:
    here, there = await runs_on_two_databases(service, {"": "701", "billing": "802"})
    pages = [(await client.get(f"/runs/{run_id}")).text for run_id in (here, there)]
    paces = [(await client.get(f"/v1/runs/{run_id}")).json()["pace"]["throttled_by"] for run_id in (here, there)]

    assert ["It stops all work: check-canary." in page for page in pages] == [True, False]
    assert ["It allows 3.00 ranges at once." in page for page in pages] == [False, True]
    assert paces == ["check-canary", None]


@pytest.mark.parametrize("where", [{"": "701", "billing": "802"}, {"": "701", "billing": "701"}])
async def test_the_metrics_name_the_server_where_there_are_two(
    client: httpx.AsyncClient, service: Service, where: dict[str, str]
) -> None:
    await runs_on_two_databases(service, where)
    text = (await client.get("/metrics")).text
    scraped = await scrape(client)

    apart = len(set(where.values())) > 1
    for name in OF_THE_AUTOPILOT - {"backfill_signal_limit"}:
        assert scraped.labels[name] == LABELS[name] | ({"server"} if apart else set())
    if apart:
        assert 'backfill_autopilot_lanes{server="DATABASE_URL"} 0.0' in text
        assert 'backfill_autopilot_lanes{server="billing"} 3.0' in text
        assert 'backfill_signal_value{about="",server="billing",signal="wal"} 3000.0' in text
