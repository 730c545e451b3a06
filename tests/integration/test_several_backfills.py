"""Workers that do not know, or cannot serve, every backfill: each takes what it can, and says what it passes over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import cast

import pytest

from backfill.engine.contracts import Backfills
from backfill.engine.protocols import Previewable
from backfill.engine.serving import UNKNOWN
from backfill.queue import queue_name
from backfill.runs.pace import Pace
from backfill.runs.states import State
from backfill.runs.workers import LiveWorker, serving
from backfill.settings import Settings
from backfill.wiring import Service, open_service
from tests.conftest import Spawn
from tests.support.authored import Authored
from tests.support.commands import Spawned
from tests.support.old_rows import OldRows
from tests.support.runs import until_ready
from tests.support.several_backfills import OTHER, SHIPPED, WORKER_OF_SEVERAL
from tests.support.waiting import wait_until
from tests.support.watching import Watcher

# So short that a ring goes out, and may meet the wrong worker, many times in a run.
SHORT_SLICES = {"BACKFILL_SLICE_SECONDS": "1"}
# Some five seconds for the rows below; far more where a lease has to expire before the right worker comes.
PACE = Pace(parallel=1, batch_rows=20, target_ms=50, pause_ms=100, rows_per_second=0)
RUN_TAKES_SECONDS = 15.0

Start = Callable[..., Awaitable[Spawned]]


@pytest.fixture
async def service(environment: dict[str, str]) -> AsyncIterator[Service]:
    """As an operator's command has it that knows both backfills."""
    urls = {"database_url": environment["DATABASE_URL"], "redis_url": environment["REDIS_URL"]}
    async with open_service(
        Settings.model_validate({**urls, "pace": "fixed"}), application_name="test-several"
    ) as opened:
        known = {name: Authored(units=0, name=name) for name in (SHIPPED, OTHER)}
        yield replace(
            opened, control=replace(opened.control, known=Backfills(bound=cast("Mapping[str, Previewable]", known)))
        )


@pytest.fixture
async def projects(rows: OldRows) -> OldRows:
    for number in range(60):
        await rows.add_project(f"p{number:03}", minute=number)
        await rows.add_many(f"p{number:03}", 10)
    return rows


@pytest.fixture
def start(environment: dict[str, str], spawn: Spawn) -> Start:
    async def ready(*known: str) -> Spawned:
        worker = spawn(*WORKER_OF_SEVERAL, env=environment | SHORT_SLICES | {"WORKER_KNOWS": ",".join(known)})
        await until_ready(worker)
        return worker

    return ready


async def make_other_ready(rows: OldRows) -> None:
    await rows.connection.execute("CREATE TABLE other_is_ready ()")


async def run_to_its_end(service: Service, backfill: str) -> str:
    run, _ = await service.control.enqueue(backfill, PACE, requested_by="test")
    await Watcher(service.control).until_state(run.id, State.SUCCEEDED, deadline_seconds=RUN_TAKES_SECONDS)
    return run.id


async def worker_of(service: Service, spawned: Spawned) -> LiveWorker:
    return next(worker for worker in await service.control.workers() if worker.pid == spawned.pid)


@pytest.mark.parametrize("old_knows", [(SHIPPED,), ()], ids=["only another one", "none"])
async def test_a_worker_of_an_older_version_leaves_a_new_backfill_to_those_that_know_it(
    projects: OldRows, service: Service, start: Start, old_knows: tuple[str, ...]
) -> None:
    await make_other_ready(projects)
    old = [await start(*old_knows) for _ in range(2)]
    new = await start(SHIPPED, OTHER)

    run_id = await run_to_its_end(service, OTHER)

    assert "slice done" in new.log
    assert not await Watcher(service.control).events(run_id, "takeover")
    for worker in old:
        assert "slice done" not in worker.log
        assert worker.log.count("backfill not served") == 1
        assert (await worker_of(service, worker)).not_served == {OTHER: UNKNOWN}


async def test_what_nobody_alive_serves_waits_for_a_worker_that_does(
    projects: OldRows, service: Service, start: Start
) -> None:
    await make_other_ready(projects)
    old = await start(SHIPPED)
    run, _ = await service.control.enqueue(OTHER, PACE, requested_by="test")
    await wait_until(lambda: "backfill not served" in old.log)
    waiting = await service.control.get(run.id)
    alive = await service.control.workers()

    await start(OTHER)
    ended = await Watcher(service.control).until_state(run.id, State.SUCCEEDED, deadline_seconds=RUN_TAKES_SECONDS)

    assert (waiting.state, serving(alive, OTHER), serving(alive, SHIPPED)) == (State.QUEUED, 0, 1)
    assert ended.counts.rows_written == 600


async def test_a_worker_serves_what_is_ready_and_takes_up_the_rest_when_it_is(
    projects: OldRows, service: Service, start: Start
) -> None:
    worker = await start(SHIPPED, OTHER)
    first = await worker_of(service, worker)
    await run_to_its_end(service, SHIPPED)

    await make_other_ready(projects)
    run, _ = await service.control.enqueue(OTHER, PACE, requested_by="test")
    await Watcher(service.control).until_state(run.id, State.SUCCEEDED, deadline_seconds=RUN_TAKES_SECONDS)

    assert (first.backfills, list(first.not_served)) == ((SHIPPED,), [OTHER])
    assert first.not_served[OTHER] == f"The schema is not ready for {OTHER}: other_is_ready missing. Create it."
    assert worker.log.count("backfill not served") == worker.log.count("backfill taken up") == 1
    assert (await worker_of(service, worker)).backfills == (SHIPPED, OTHER)


async def test_a_worker_for_which_nothing_is_ready_ends_and_names_everything_that_is_missing(
    environment_e011: dict[str, str], spawn: Spawn
) -> None:
    worker = spawn(*WORKER_OF_SEVERAL, env=environment_e011 | {"WORKER_KNOWS": f"{SHIPPED},{OTHER}"})

    assert await asyncio.to_thread(worker.wait) == 6
    assert f"error: The schema is not ready for {SHIPPED}: " in worker.log
    assert f"The schema is not ready for {OTHER}: other_is_ready missing." in worker.log
    assert "Traceback" not in worker.log


async def test_a_ring_of_another_version_is_left_for_a_worker_of_that_version(
    projects: OldRows, service: Service, start: Start
) -> None:
    worker = await start(SHIPPED)
    key = queue_name(service.settings.redis_prefix)
    await service.redis.set("arq:job:slice.2:x", '{"from": "the future"}')
    await service.redis.zadd(key, {"slice.2:x": 1})

    await run_to_its_end(service, SHIPPED)

    assert await service.redis.zscore(key, "slice.2:x") == 1
    assert "refused" not in worker.log
