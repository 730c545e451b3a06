"""The application edits two rows in an order of its own while the backfill locks the same two.

Guarded by the backfill never waiting for a row while it holds one: then the application is no deadlock's victim.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session
from tests.support.stepped_backfill import SteppedBackfill

EDIT_PROJECT = "UPDATE projects SET status = 'edited' WHERE id = $1"
EDIT_GENERATION = "UPDATE generations SET quality_score = 1 WHERE id = $1"


async def edit_two_projects(stage: Stage, backfill: SteppedBackfill, project_id: str) -> Sequence[Session]:
    """`<id>q` and then `<id>`; the backfill locks them the other way round."""
    for one in (project_id, f"{project_id}q"):
        await stage.rows.add_project(one)
        await stage.rows.add(one, (f"{one}-a", "completed", 1))
    execute = stage.first.connection.execute
    edit = stage.session(
        "application",
        stage.first,
        edit_second=lambda: execute(EDIT_PROJECT, f"{project_id}q"),
        edit_first=lambda: execute(EDIT_PROJECT, project_id),
    )
    return edit, backfill.settle(project_id, f"{project_id}q", stops=("lock_projects", "settle", "commit"))


async def edit_a_row_and_its_project(stage: Stage, backfill: SteppedBackfill, project_id: str) -> Sequence[Session]:
    """Of a project that is settled in parts."""
    await stage.rows.add_project(project_id)
    await stage.rows.add(project_id, *((f"{project_id}-{n}", "completed", n) for n in range(1, 6)))
    execute = stage.first.connection.execute
    edit = stage.session(
        "application",
        stage.first,
        edit_generation=lambda: execute(EDIT_GENERATION, f"{project_id}-2"),
        edit_project=lambda: execute(EDIT_PROJECT, project_id),
    )
    return edit, backfill.settle_in_parts(project_id, rows=3)


async def test_an_edit_of_two_projects_never_deadlocks(stage: Stage) -> None:
    backfill = await stage.stepped()

    ended = await stage.play_every_order(lambda project_id: edit_two_projects(stage, backfill, project_id), beside="q")

    assert len(ended) == 35
    assert [one for one in ended if not one.is_right] == []


async def test_an_edit_of_a_row_and_its_large_project_never_deadlocks(stage: Stage) -> None:
    backfill = await stage.stepped()

    ended = await stage.play_every_order(lambda project_id: edit_a_row_and_its_project(stage, backfill, project_id))

    assert len(ended) == 56
    assert [one for one in ended if not one.is_right] == []
    assert {tuple(one.versions.values()) for one in ended} == {(1, 2, 3, 4, 5)}


async def test_waiting_for_a_project_deadlocks_with_the_application(stage: Stage) -> None:
    backfill = await stage.stepped()
    backfill.change("lock_projects", "FOR NO KEY UPDATE SKIP LOCKED", "ORDER BY id FOR NO KEY UPDATE")
    sessions = await edit_two_projects(stage, backfill, "p")

    ended = await stage.play(
        "p",
        sessions,
        "application edit_second, backfill begin, backfill lock_projects, application edit_first,"
        " backfill settle, backfill commit, application commit",
    )

    assert ended.played.waited == ("backfill lock_projects", "application edit_first")
    assert ended.played.errors == {"application": "40P01"}


async def test_waiting_for_a_row_of_a_large_project_deadlocks_with_the_application(stage: Stage) -> None:
    backfill = await stage.stepped()
    backfill.change("lock_part", "FOR NO KEY UPDATE NOWAIT", "FOR NO KEY UPDATE")
    sessions = await edit_a_row_and_its_project(stage, backfill, "p")

    ended = await stage.play(
        "p",
        sessions,
        "application edit_generation, backfill begin, backfill lock_projects, backfill lock_part,"
        " application edit_project, backfill number_part, backfill commit, application commit",
    )

    assert ended.played.waited == ("backfill lock_part", "application edit_project")
    assert ended.played.errors == {"application": "40P01"}
