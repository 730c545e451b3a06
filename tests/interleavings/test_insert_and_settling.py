"""The application inserts a generation while its project is settled.

Guarded by the insert trigger, which takes the lock that settling takes, and by settling that computes in a statement
after the one that locks, in READ COMMITTED.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session
from tests.support.stepped_backfill import SteppedBackfill

# The backfill's snapshot or its locks are there, but it has not computed; or it has, but nobody knows of it yet.
BETWEEN_BEGIN_AND_LOCK = (
    "backfill begin, application insert, application commit,"
    " backfill lock_projects, backfill lock_generations, backfill settle, backfill commit"
)
BETWEEN_SETTLE_AND_COMMIT = (
    "backfill begin, backfill lock_projects, backfill lock_generations, backfill settle,"
    " application insert, backfill commit, application commit"
)
UNCOMMITTED_ALL_THE_WHILE = (
    "application insert, backfill begin, backfill lock_projects, backfill lock_generations,"
    " backfill settle, application commit, backfill commit"
)


async def insert_and_settle(stage: Stage, backfill: SteppedBackfill, project_id: str) -> Sequence[Session]:
    await stage.rows.add_project(project_id)
    await stage.rows.add(project_id, (f"{project_id}-a", "completed", 1), (f"{project_id}-c", "completed", 3))
    insert = stage.session(
        "application", stage.first, insert=lambda: stage.first.add(f"{project_id}-b", project_id, minute=2)
    )
    return insert, backfill.settle(project_id)


async def test_in_every_order_all_rows_are_numbered(stage: Stage) -> None:
    backfill = await stage.stepped()

    ended = await stage.play_every_order(lambda project_id: insert_and_settle(stage, backfill, project_id))

    assert len(ended) == 21
    assert [one for one in ended if not one.is_right] == []
    assert {tuple(one.versions.items()) for one in ended} == {
        (("a", 1), ("b", 2), ("c", 3)),  # it was there when the project was settled
        (("a", 1), ("b", 3), ("c", 2)),  # it came to a settled project
    }


async def test_an_insert_in_flight_makes_the_project_contended_and_is_not_waited_for(stage: Stage) -> None:
    sessions = await insert_and_settle(stage, await stage.stepped(), "p")

    ended = await stage.play("p", sessions, UNCOMMITTED_ALL_THE_WHILE)

    assert ended.contended
    assert ended.played.waited == ()
    assert ended.versions == {"a": 1, "b": 2, "c": 3}


async def test_an_insert_waits_for_the_commit_of_the_backfill_and_is_numbered_next(stage: Stage) -> None:
    sessions = await insert_and_settle(stage, await stage.stepped(), "p")

    ended = await stage.play("p", sessions, BETWEEN_SETTLE_AND_COMMIT)

    assert ended.played.waited == ("application insert",)
    assert ended.versions == {"a": 1, "b": 3, "c": 2}


async def test_without_the_trigger_the_row_is_lost(stage: Stage) -> None:
    sessions = await insert_and_settle(stage, await stage.stepped(), "p")
    await stage.drop_trigger("generations_number_before_insert")

    ended = await stage.play("p", sessions, BETWEEN_SETTLE_AND_COMMIT)

    assert ended.wrong == ("b is unassigned",)
    assert ended.latest == 2


async def test_in_repeatable_read_the_row_is_lost(stage: Stage) -> None:
    sessions = await insert_and_settle(stage, await stage.stepped(isolation_level="REPEATABLE READ"), "p")

    ended = await stage.play("p", sessions, BETWEEN_BEGIN_AND_LOCK)

    assert not ended.contended
    assert ended.wrong == ("b is unassigned",)


async def test_when_the_statement_that_locks_also_computes_the_row_is_lost(stage: Stage) -> None:
    backfill = await stage.stepped()
    backfill.change("lock_projects", "FOR NO KEY UPDATE SKIP LOCKED", "")
    backfill.change("settle", "ON p.id = l.project_id\n)", "ON p.id = l.project_id FOR NO KEY UPDATE OF p\n)")
    sessions = await insert_and_settle(stage, backfill, "p")

    ended = await stage.play("p", sessions, UNCOMMITTED_ALL_THE_WHILE)

    assert ended.played.waited == ("backfill settle",)
    assert ended.wrong == ("b is unassigned",)
