"""Turns of a worker on a real database and a real store: what counts as done, and what does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from backfill.engine.lookahead import FIRST_PAGE
from backfill.runs.standing import Standing
from backfill.runs.states import State
from tests.support.in_process import InProcessRun, in_process_run, pace_of
from tests.support.interleaving import play
from tests.support.old_rows import OldRows
from tests.support.stepped_backfill import stepped_backfill
from worker.generations.backfill import GenerationVersions


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened


async def add_projects(rows: OldRows, *project_ids: str) -> None:
    """Of two completed generations each."""
    for minute, project_id in enumerate(project_ids):
        await rows.add_project(project_id, minute=minute)
        await rows.add_many(project_id, 2)


async def test_a_locked_project_is_not_counted_and_is_settled_in_a_later_turn(
    rows: OldRows, backfill: GenerationVersions, application: asyncpg.Connection, run: InProcessRun
) -> None:
    await add_projects(rows, "busy", "calm")

    async with application.transaction():
        await application.execute("UPDATE projects SET status = 'edited' WHERE id = 'busy'")
        await run.work(backfill)
        during = await run.read()
    run.outlast_leases()
    await run.work(backfill)
    after = await run.read()

    assert (during.state, during.counts.units_done, during.counts.rows_done) == (State.RUNNING, 1, 2)
    assert [unit.unit_id for unit in during.contended] == ["busy"]
    assert (after.state, after.counts.units_done, after.counts.rows_done) == (State.SUCCEEDED, 2, 4)
    assert after.contended == ()
    assert await rows.unassigned("busy") == []


async def test_a_batch_without_work_is_not_the_end(
    rows: OldRows, backfill: GenerationVersions, run: InProcessRun
) -> None:
    for number in range(FIRST_PAGE + 1):
        await rows.add_project(f"settled-{number}", minute=-1)
    await rows.connection.execute("UPDATE projects SET latest_version = 1")
    await add_projects(rows, "last")

    await run.work(backfill)

    ended = await run.read()
    numbers_given = FIRST_PAGE + 1
    assert (ended.state, ended.counts.units_done) == (State.SUCCEEDED, FIRST_PAGE + 2)
    assert (ended.counts.rows_done, ended.counts.rows_written) == (numbers_given + 2, 2)


async def test_a_transaction_that_does_not_commit_moves_nothing(
    database: str, rows: OldRows, backfill: GenerationVersions, run: InProcessRun
) -> None:
    await add_projects(rows, "p")

    async with stepped_backfill(database, "worker") as worker:
        session = worker.work(run.work, ("settle", "commit"))
        await play(rows.connection, [session], "worker begin, worker settle")
        await rows.connection.execute("SELECT pg_terminate_backend($1)", session.pid)
        await play(rows.connection, [session], "worker commit")
    broken_off = await run.read()
    run.outlast_leases()
    await run.work(backfill)
    ended = await run.read()

    assert (broken_off.state, broken_off.counts.units_done) == (State.RUNNING, 0)
    assert (ended.state, ended.counts.units_done, ended.counts.rows_written) == (State.SUCCEEDED, 1, 2)


async def test_a_project_that_cannot_be_written_fails_the_run_and_not_its_neighbours(
    rows: OldRows, backfill: GenerationVersions, run: InProcessRun
) -> None:
    await add_projects(rows, "before", "poisoned", "after")
    await rows.connection.execute(
        "ALTER TABLE generations ADD CONSTRAINT poison CHECK (id <> 'poisoned-000002') NOT VALID"
    )

    await run.work(backfill)

    ended = await run.read()
    assert ended.state is State.FAILED
    assert [(unit.unit_id, unit.constraint) for unit in ended.quarantined] == [("poisoned", "poison")]
    assert (ended.counts.units_done, ended.counts.rows_done) == (2, 4)
    assert "1 unit is quarantined" in (ended.error or "")
    assert await rows.unassigned("before") == await rows.unassigned("after") == []


async def test_the_other_lanes_are_rung_for_as_soon_as_there_is_work_for_them(
    rows: OldRows, backfill: GenerationVersions, run: InProcessRun
) -> None:
    await rows.connection.execute(
        "INSERT INTO projects (id, user_id, name, tech_stack, status, is_public)"
        " SELECT 'project-' || n, 'user', 'A project', 'fastapi', 'active', false FROM generate_series(1, 400) AS n"
    )
    assert await run.store.set_pace(run.run_id, replace(pace_of(200), parallel=3), who="test")

    await run.work(backfill)

    rings = [key async for key in run.redis.scan_iter("arq:job:slice*")]
    assert (await run.read()).state is State.SUCCEEDED
    assert len(rings) == 4, "two lanes when the ranges were planned, and two when they were to be verified"


async def test_a_second_run_neither_writes_nor_locks_a_row(
    rows: OldRows, backfill: GenerationVersions, run: InProcessRun
) -> None:
    await add_projects(rows, "p", "q")
    versions = "SELECT id, ctid::text, xmin::text, xmax::text FROM {} ORDER BY id"
    await run.work(backfill)
    before = [await rows.connection.fetch(versions.format(table)) for table in ("projects", "generations")]

    await run.enqueue()
    await run.work(backfill)

    ended = await run.read()
    assert (ended.state, ended.counts.rows_done, ended.counts.rows_written) == (State.SUCCEEDED, 4, 0)
    assert before == [await rows.connection.fetch(versions.format(table)) for table in ("projects", "generations")]


async def test_what_a_failover_loses_behind_the_verification_is_done_again_before_the_end(
    rows: OldRows, backfill: GenerationVersions, run: InProcessRun
) -> None:
    await add_projects(rows, "p", "q")
    lost: list[int] = []
    timelines = iter([1, 2, 2])  # of the primary at the plan, at the end, and at the end that comes after that

    async def standing(_database: str) -> Standing:
        timeline = next(timelines)
        if timeline == 2 and not lost:
            lost.append(timeline)
            await rows.connection.execute("SET session_replication_role = replica")
            await rows.connection.execute("UPDATE generations SET storage_path = NULL WHERE project_id = 'q'")
            await rows.connection.execute("UPDATE projects SET latest_version = 0 WHERE id = 'q'")
        return Standing(system="s", timeline=timeline, lsn=1, kept_lsn=None, up_since_ms=0)

    run.standing = standing
    await run.work(backfill)

    ended = await run.read()
    actions = [event.about["action"] for event in await run.events() if event.kind == "state"]
    assert (ended.state, ended.counts.rows_done, ended.counts.rows_written) == (State.SUCCEEDED, 4, 6)
    assert actions.count("reopen") == 1
    assert await rows.unassigned("q") == []
