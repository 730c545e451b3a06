"""The application deletes the generation that is about to become active, and then edits its project.

Guarded by locks that are never waited for, and by the foreign key that lets go of what is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.interleaved_cases import Stage, migration_sql
from tests.support.interleaving import Session
from tests.support.stepped_backfill import SteppedBackfill

UNCOMMITTED_WHEN_THE_BACKFILL_COMES = (
    "application delete, backfill begin, backfill lock_projects, backfill lock_generations,"
    " application edit_project, backfill commit, application commit"
)
WHILE_THE_BACKFILL_HOLDS_THE_ROW = (
    "backfill begin, backfill lock_projects, backfill lock_generations,"
    " application delete, backfill commit, application edit_project, application commit"
)


async def delete_and_settle(stage: Stage, backfill: SteppedBackfill, project_id: str) -> Sequence[Session]:
    await stage.rows.add_project(project_id)
    await stage.rows.add(project_id, (f"{project_id}-a", "completed", 1), (f"{project_id}-b", "completed", 2))
    execute = stage.first.connection.execute
    delete = stage.session(
        "application",
        stage.first,
        delete=lambda: execute("DELETE FROM generations WHERE id = $1", f"{project_id}-b"),
        edit_project=lambda: execute("UPDATE projects SET status = 'edited' WHERE id = $1", project_id),
    )
    return delete, backfill.settle(project_id, stops=("lock_projects", "lock_generations", "commit"))


async def test_in_every_order_nothing_points_at_the_deleted_one(stage: Stage) -> None:
    backfill = await stage.stepped()

    ended = await stage.play_every_order(lambda project_id: delete_and_settle(stage, backfill, project_id))

    assert len(ended) == 35
    assert [one for one in ended if not one.is_right] == []
    assert {one.active for one in ended} == {"a", None}


async def test_waiting_for_the_deleted_row_deadlocks_with_the_application(stage: Stage) -> None:
    backfill = await stage.stepped()
    backfill.change("lock_generations", "FOR NO KEY UPDATE SKIP LOCKED", "FOR NO KEY UPDATE")
    delete, settle = await delete_and_settle(stage, backfill, "p")

    ended = await stage.play("p", (delete, settle), UNCOMMITTED_WHEN_THE_BACKFILL_COMES)

    assert ended.played.waited == ("backfill lock_generations", "application edit_project")
    assert ended.played.errors == {"application": "40P01"}


async def test_without_the_foreign_key_the_project_points_at_nothing(stage: Stage) -> None:
    sessions = await delete_and_settle(stage, await stage.stepped(), "p")
    await stage.alter(
        "ALTER TABLE projects DROP CONSTRAINT fk_projects_active_generation",
        "UPDATE projects SET active_generation_id = NULL",
        migration_sql("add_active_generation_key"),
        migration_sql("validate_active_generation_key"),
    )

    ended = await stage.play("p", sessions, WHILE_THE_BACKFILL_HOLDS_THE_ROW)

    assert ended.wrong == (
        "b is active by the project, none by the flag",
        "a is completed and newer than b, which is active",
    )
