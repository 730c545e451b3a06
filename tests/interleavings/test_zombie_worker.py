"""A worker is frozen past its lease, another one takes its range, and then the first goes on where it was.

Guarded by the token that every checkpoint shows, and in a large project by the rows that follow the mark being looked
at, assigned or not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from importlib import resources

import pytest

from backfill.runs.record import Run
from backfill.runs.states import State
from tests.support.in_process import InProcessRun, in_process_run, pace_of
from tests.support.interleaved_cases import Stage
from tests.support.interleaving import ClientSession, Session, play
from tests.support.stepped_backfill import SteppedBackfill

ROWS_EACH = 10
PROJECTS = ("p1", "p2", "p3")
MANY = 10_000_000


@pytest.fixture
async def run(stage: Stage, redis_url: str) -> AsyncIterator[InProcessRun]:
    for minute, project_id in enumerate(PROJECTS):
        await stage.rows.add_project(project_id, minute=minute)
        await stage.rows.add_many(project_id, ROWS_EACH)
    async with in_process_run(redis_url) as opened:
        yield opened


async def set_batch_rows(run: InProcessRun, batch_rows: int) -> None:
    """With a limit that holds nothing up, but has every batch told by itself: so the one that is late tells of more."""
    assert await run.store.set_pace(run.run_id, replace(pace_of(batch_rows), rows_per_second=MANY), who="test")


async def with_a_zombie(stage: Stage, run: InProcessRun) -> Run:
    """The first worker is frozen before it commits its first project; the other one does the rest, and ends it."""
    frozen, other = await stage.stepped("backfill-1"), await stage.stepped("backfill-2")
    await set_batch_rows(run, ROWS_EACH)  # one project in a batch of the first worker, all in one of the other
    zombie = frozen.work(run.work, ("settle", "commit"))
    await play(stage.rows.connection, [zombie], "backfill-1 begin, backfill-1 settle")
    await set_batch_rows(run, len(PROJECTS) * ROWS_EACH)
    run.outlast_leases()
    await run.work(other.backfill)
    await play(stage.rows.connection, [zombie], "backfill-1 commit")
    run.outlast_leases()
    await run.work(other.backfill)
    return await run.read()


async def test_what_it_commits_stands_and_what_it_reports_is_refused(stage: Stage, run: InProcessRun) -> None:
    ended = await with_a_zombie(stage, run)

    assert ended.state is State.SUCCEEDED
    assert (ended.counts.units_done, ended.counts.rows_done) == (len(PROJECTS), len(PROJECTS) * ROWS_EACH)
    for project_id in PROJECTS:
        assert list((await stage.rows.versions(project_id)).values()) == list(range(1, ROWS_EACH + 1))


async def test_without_the_check_of_the_lease_a_project_is_counted_twice(stage: Stage, run: InProcessRun) -> None:
    lua = resources.files("backfill.store") / "lua"
    check = "if not holds(index, token) then return {0, state() or '', pace, 0, '', '1', '0', ''} end\n"
    source = (lua / "prelude.lua").read_text() + (lua / "checkpoint.lua").read_text()
    assert source.count(check) == 1
    run.store._scripts._scripts["checkpoint"] = run.redis.register_script(source.replace(check, ""))

    ended = await with_a_zombie(stage, run)

    assert (ended.counts.units_done, ended.counts.units_total) == (4, 3)


async def old_mark_takeover_and_late_row(
    stage: Stage, workers: Sequence[SteppedBackfill], project_id: str
) -> Sequence[Session]:
    """In parts of two: the first is done, and the first worker knows its mark only; the other worker did one more and
    begins anew from the data; a row is inserted that comes before those of the second part.
    """
    await stage.rows.add_project(project_id)
    await stage.rows.add(project_id, *((f"{project_id}-{n}", "completed", n) for n in range(1, 8)))
    zombie, other = workers
    first = await other.backfill.settle_part(project_id, None, rows=2)
    await other.backfill.settle_part(project_id, first.mark, rows=2)
    insert = {"insert": lambda: stage.first.add(f"{project_id}-late", project_id, minute=2.5)}
    return (
        zombie.settle_in_parts(project_id, rows=2, mark=first.mark, stops=("lock_projects",)),
        other.settle_in_parts(project_id, rows=2, stops=("lock_projects", "lock_projects.2")),
        ClientSession("application", stage.first.connection, insert),
    )


async def test_in_every_order_of_an_old_mark_a_takeover_and_a_late_row_no_number_is_given_twice(stage: Stage) -> None:
    workers = [await stage.stepped("backfill-1"), await stage.stepped("backfill-2")]

    ended = await stage.play_every_order(lambda project_id: old_mark_takeover_and_late_row(stage, workers, project_id))

    assert len(ended) == 60
    assert [one for one in ended if not one.is_right] == []
    assert {tuple(one.versions.items()) for one in ended} == {
        (("1", 1), ("2", 2), ("late", 8), ("3", 3), ("4", 4), ("5", 5), ("6", 6), ("7", 7))
    }


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
