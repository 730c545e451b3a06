"""What Prometheus is told, against what is so."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from backfill.http.app import create_app
from backfill.runs.states import DONE, State
from backfill.store.metrics import BATCH_BOUNDS
from tests.conftest import Spawn
from tests.http.conftest import OpenService, client_of
from tests.support.cli import NO_REDIS
from tests.support.old_rows import old_rows
from tests.support.runs import BACKFILL, WORKER, enqueue, until_ready, wait_for_end
from tests.support.waiting import wait_until

PROJECTS = 40
ROWS_EACH = 5
ROWS = PROJECTS * ROWS_EACH
OF_BACKFILL = frozenset({("backfill", BACKFILL)})
LABELS = {
    "backfill_rows_written_total": {"backfill"},
    "backfill_rows_passed_total": {"backfill"},
    "backfill_batches_total": {"backfill"},
    "backfill_batch_duration_seconds_bucket": {"backfill", "le"},
    "backfill_batch_duration_seconds_count": {"backfill"},
    "backfill_batch_duration_seconds_sum": {"backfill"},
    "backfill_remaining_rows": {"backfill"},
    "backfill_remaining_units": {"backfill"},
    "backfill_contended_units": {"backfill"},
    "backfill_quarantined_units": {"backfill"},
    "backfill_outside_window": {"backfill"},
    "backfill_last_progress_timestamp_seconds": {"backfill"},
    "backfill_throttled_seconds_total": {"backfill", "reason"},
    "backfill_runs_ended_total": {"backfill", "state"},
    "backfill_run_state": {"backfill", "state"},
    "backfill_queue_depth": set[str](),
    "backfill_workers_alive": set[str](),
    "backfill_autopilot_lanes": set[str](),
    "backfill_signal_value": {"signal", "about"},
    "backfill_signal_limit": {"signal", "about"},
    "backfill_signal_stops": {"signal", "about"},
}
OF_THE_AUTOPILOT = {name for name in LABELS if "signal" in name or "autopilot" in name}
OF_THE_ACTIVE_RUN = {"backfill_remaining_rows", "backfill_remaining_units"} | OF_THE_AUTOPILOT


class Scrape:
    """Samples by their name and by the values of their labels beside the backfill."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self.labels: dict[str, set[str]] = {}
        self._values: dict[str, dict[str, float]] = defaultdict(dict)
        for family in families:
            assert family.documentation
            for sample in family.samples:
                self.labels.setdefault(sample.name, set(sample.labels))
                assert self.labels[sample.name] == set(sample.labels)
                assert sample.labels.get("backfill", BACKFILL) == BACKFILL
                other = [value for name, value in sample.labels.items() if name != "backfill"]
                self._values[sample.name]["".join(other)] = sample.value

    def __getitem__(self, name: str) -> float:
        return self._values[f"backfill_{name}"][""]

    def by(self, name: str) -> Mapping[str, float]:
        return self._values[f"backfill_{name}"]

    @property
    def state(self) -> State | None:
        states = [State(name) for name, value in self.by("run_state").items() if value]
        assert len(states) <= 1
        return states[0] if states else None


async def scrape(client: httpx.AsyncClient) -> Scrape:
    response = await client.get("/metrics")
    assert response.status_code == 200, response.text
    return Scrape(plain_text(response.text))


async def test_without_workers_and_runs_every_number_is_there_and_zero(client: httpx.AsyncClient) -> None:
    scraped = await scrape(client)

    assert scraped.labels == {name: labels for name, labels in LABELS.items() if name not in OF_THE_ACTIVE_RUN}
    assert scraped.state is None
    assert all(value == 0 for name in scraped.labels for value in scraped.by(name.removeprefix("backfill_")).values())


async def test_a_run_makes_no_label_of_its_own(client: httpx.AsyncClient) -> None:
    started = (await client.post(f"/v1/backfills/{BACKFILL}/runs")).json()
    queued = await client.get("/metrics")

    scraped = Scrape(plain_text(queued.text))
    assert started["id"] not in queued.text
    assert set(scraped.labels) == set(LABELS) - OF_THE_ACTIVE_RUN
    assert (scraped.state, scraped["workers_alive"], scraped["queue_depth"]) == (
        State.QUEUED,
        0,
        started["pace"]["parallel"],
    )
    assert set(scraped.by("run_state")) == {state.value for state in State}
    assert set(scraped.by("runs_ended_total")) == {state.value for state in DONE}
    assert [float(le) for le in scraped.by("batch_duration_seconds_bucket")] == [*map(float, BATCH_BOUNDS), math.inf]


async def test_two_workers_and_two_runs_are_told_as_they_were(
    client: httpx.AsyncClient, database: str, environment: dict[str, str], spawn: Spawn
) -> None:
    async with old_rows(database) as rows:
        for number in range(PROJECTS):
            await rows.add_project(f"p{number:02}", minute=number)
            await rows.add_many(f"p{number:02}", ROWS_EACH)
    workers = [spawn(*WORKER, env=environment) for _ in range(2)]
    for worker in workers:
        await until_ready(worker)
    await wait_until(lambda: are_alive(client, 2))

    began = time.time()
    first = wait_for_end(environment, enqueue(environment, "--batch-rows", "20", "--rows-per-second", "400")["id"])
    after_first = await scrape(client)
    wait_for_end(environment, enqueue(environment)["id"])
    workers[0].kill(signal.SIGTERM)
    workers[0].wait()
    after_second = await scrape(client)

    assert first["state"] == "succeeded"
    compare(after_first, first)
    assert began <= after_first["last_progress_timestamp_seconds"] <= time.time()
    assert after_first["workers_alive"] == 2
    assert after_second["rows_written_total"] == ROWS
    assert after_second["rows_passed_total"] == 2 * ROWS
    assert after_second.by("runs_ended_total") == {"cancelled": 0, "failed": 0, "succeeded": 2}
    assert after_second["workers_alive"] == 1


async def are_alive(client: httpx.AsyncClient, workers: int) -> bool:
    return (await scrape(client))["workers_alive"] == workers


def compare(scraped: Scrape, run: Mapping[str, object]) -> None:
    """After the only run that there was."""
    progress, pace = run["progress"], run["pace"]
    assert isinstance(progress, dict)
    assert isinstance(pace, dict)
    assert (scraped["rows_written_total"], scraped["rows_passed_total"]) == (ROWS, progress["rows_done"])
    assert scraped["batches_total"] == pace["batches"] > 1
    assert scraped["batch_duration_seconds_count"] == pace["batches"]
    counts = list(scraped.by("batch_duration_seconds_bucket").values())
    assert counts == sorted(counts)
    assert counts[-1] == pace["batches"]
    assert 0 < scraped["batch_duration_seconds_sum"] < 60
    assert scraped.by("throttled_seconds_total")["rows_per_second"] == progress["throttled_seconds"] > 0
    assert scraped.state is State.SUCCEEDED
    assert (scraped["contended_units"], scraped["quarantined_units"]) == (0, 0)
    assert not OF_THE_ACTIVE_RUN & set(scraped.labels)


async def test_what_remains_is_told_while_a_run_is_active(
    client: httpx.AsyncClient, database: str, environment: dict[str, str], spawn: Spawn
) -> None:
    async with old_rows(database) as rows:
        await rows.add_project("p")
        await rows.add_many("p", ROWS)
    await until_ready(spawn(*WORKER, env=environment))
    enqueue(environment, "--batch-rows", "10", "--pause-ms", "300", "--parallel", "1")

    async def under_way() -> Scrape | None:
        scraped = await scrape(client)
        return scraped if scraped["rows_passed_total"] > 0 else None

    found = await wait_until(under_way, 30)

    assert found is not None
    assert found.labels == {name: labels for name, labels in LABELS.items() if name not in OF_THE_AUTOPILOT}
    assert found["remaining_rows"] == ROWS - found["rows_passed_total"]
    assert (found["remaining_units"], found.state) == (1, State.RUNNING)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4"),
        ("*/*", "text/plain; version=0.0.4"),
        ("text/plain;version=1.0.0;q=0.5", "text/plain; version=1.0.0"),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text; version=1.0.0"),
    ],
)
async def test_the_format_is_the_one_that_is_asked_for(
    client: httpx.AsyncClient, accept: str, content_type: str
) -> None:
    response = await client.get("/metrics", headers={"Accept": accept})

    parse = open_metrics if "openmetrics" in content_type else plain_text
    assert response.headers["Content-Type"].startswith(content_type)
    assert "backfill_rows_written_total" in Scrape(parse(response.text)).labels


async def test_without_redis_it_is_a_problem_and_no_exposition(open_service_on: OpenService, database: str) -> None:
    async with open_service_on(database, NO_REDIS) as service, client_of(create_app(service)) as client:
        response = await client.get("/metrics")

    assert (response.status_code, response.json()["type"]) == (503, "/problems/redis-unreachable")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert "hunter2" not in response.text


async def test_a_redis_that_does_not_answer_is_not_waited_for(
    open_service_on: OpenService, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    monkeypatch.setattr("backfill.http.metrics.PATIENCE_SECONDS", 0.2)
    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        redis_url = f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}/0"
        async with open_service_on(database, redis_url) as service, client_of(create_app(service)) as client:
            began = time.monotonic()
            response = await client.get("/metrics")
            waited = time.monotonic() - began

    assert (response.status_code, response.json()["type"]) == (503, "/problems/redis-unreachable")
    assert waited < 2
