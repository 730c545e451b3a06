"""A worker is frozen past its lease, another one takes its range, and then the first goes on where it was.

Guarded by the token that every checkpoint shows, and in a large project by the rows that follow the mark being looked
at, assigned or not.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from importlib import resources

import pytest
from redis.asyncio import Redis

from tests.support.interleaved_cases import Stage
from tests.support.interleaving import play
from tests.support.stepped_backfill import SteppedBackfill
from tests.support.store_model import forget
from worker.engine.protocols import Backfill
from worker.engine.slices import Slices
from worker.queue import ArqDoorbell, open_arq
from worker.redis_client import open_redis
from worker.runs.pace import Pace
from worker.runs.record import Run
from worker.runs.states import State
from worker.store.redis_store import RedisStore

PREFIX = "zombie"
LEASE_SECONDS = 30
ROWS_EACH = 10
PROJECTS = ("p1", "p2", "p3")
# One project in a batch of the first worker, all of them in one of the second.
SMALL = Pace(parallel=1, batch_rows=ROWS_EACH, target_ms=50, pause_ms=0, rows_per_second=0)
LARGE = Pace(parallel=1, batch_rows=200, target_ms=50, pause_ms=0, rows_per_second=0)
UNTIL_COMMIT = "backfill-1 begin, backfill-1 settle"


@dataclass(slots=True)
class Workers:
    """Two workers of one run, on a clock that the test sets."""

    stage: Stage
    redis: Redis
    doorbell: ArqDoorbell
    frozen: SteppedBackfill
    other: SteppedBackfill
    now_ms: int = 1_800_000_000_000
    store: RedisStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = RedisStore(self.redis, prefix=PREFIX, lease_seconds=LEASE_SECONDS, clock=lambda: self.now_ms)

    async def work(self, backfill: Backfill, run_id: str) -> None:
        """One slice; its heart does not beat before the test is over."""
        slices = Slices(
            store=self.store,
            doorbell=self.doorbell,
            backfills={backfill.name: backfill},
            slice_seconds=60,
            lease_seconds=3_600,
            now_ms=lambda: self.now_ms,
            random=random.Random(1),
        )
        await slices.work(run_id, lambda: False)

    async def run_with_a_zombie(self) -> Run:
        """The first worker is frozen before it commits its first project; the other one does the rest, and ends it."""
        created = await self.store.create(self.frozen.backfill.name, SMALL, requested_by="test", idempotency_key=None)
        stops = ("settle", "commit")
        zombie = self.frozen.work(lambda backfill: self.work(backfill, created.run_id), stops)
        await play(self.stage.rows.connection, [zombie], UNTIL_COMMIT)
        await self.store.set_pace(created.run_id, LARGE, who="test")
        self.now_ms += 2 * LEASE_SECONDS * 1000
        await self.work(self.other.backfill, created.run_id)
        await play(self.stage.rows.connection, [zombie], "backfill-1 commit")
        self.now_ms += 2 * LEASE_SECONDS * 1000
        await self.work(self.other.backfill, created.run_id)
        run = await self.store.get(created.run_id)
        assert run is not None
        return run


@pytest.fixture
async def workers(stage: Stage, redis_url: str) -> AsyncIterator[Workers]:
    for minute, project_id in enumerate(PROJECTS):
        await stage.rows.add_project(project_id, minute=minute)
        await stage.rows.add_many(project_id, ROWS_EACH)
    redis = open_redis(redis_url, timeout_seconds=5.0)
    arq = open_arq(redis_url, prefix=PREFIX, timeout_seconds=5.0)
    yield Workers(stage, redis, ArqDoorbell(arq), await stage.stepped("backfill-1"), await stage.stepped("backfill-2"))
    await arq.aclose(close_connection_pool=True)
    await forget(redis, PREFIX)


async def test_what_it_commits_stands_and_what_it_reports_is_refused(workers: Workers) -> None:
    run = await workers.run_with_a_zombie()

    assert run.state is State.SUCCEEDED
    assert (run.counts.units_done, run.counts.rows_done) == (len(PROJECTS), len(PROJECTS) * ROWS_EACH)
    for project_id in PROJECTS:
        assert list((await workers.stage.rows.versions(project_id)).values()) == list(range(1, ROWS_EACH + 1))


async def test_without_the_check_of_the_lease_a_project_is_counted_twice(workers: Workers) -> None:
    lua = resources.files("worker.store") / "lua"
    check = "if not holds(index, token) then return {0, state() or '', pace, 0} end\n"
    source = (lua / "prelude.lua").read_text() + (lua / "checkpoint.lua").read_text()
    assert source.count(check) == 1
    workers.store._scripts._scripts["checkpoint"] = workers.redis.register_script(source.replace(check, ""))

    run = await workers.run_with_a_zombie()

    assert (run.counts.units_done, run.counts.units_total) == (4, 3)


async def test_a_mark_that_does_not_see_assigned_rows_gives_numbers_twice(stage: Stage) -> None:
    frozen, other = await stage.stepped("backfill-1"), await stage.stepped("backfill-2")
    frozen.change("lock_part", "AND g.id <> ", "AND g.storage_path IS NULL AND g.id <> ")
    await stage.rows.add_project("p")
    await stage.rows.add("p", *((f"p-{n}", "completed", n) for n in range(1, 6)))
    first = await other.backfill.settle_part("p", None, rows=2)
    await other.backfill.settle_part("p", first.mark, rows=2)

    ended = await stage.play(
        "p",
        [frozen.settle_in_parts("p", rows=2, mark=first.mark)],
        "backfill-1 begin, backfill-1 lock_projects, backfill-1 lock_part, backfill-1 number_part, backfill-1 commit",
    )

    assert ended.wrong == ("3 and 5 are number 3", "latest_version is 3, below a number that was given")
