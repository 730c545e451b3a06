"""The application writes rows that refer to a project or to a generation while the project is settled.

Guarded by locks that are FOR NO KEY UPDATE: the check of a foreign key passes them.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session
from tests.support.stepped_backfill import SteppedBackfill

# Any table of the application may refer to projects; of those it has today, only generations do.
NOTES = "CREATE TABLE notes (project_id varchar(36) NOT NULL REFERENCES projects (id))"
ADD_NOTE = "INSERT INTO notes (project_id) VALUES ($1)"
ADD_ARTIFACT = "INSERT INTO artifacts (id, generation_id, type, storage_url) VALUES ($1, $1, 'zip', 'somewhere')"
WHILE_THE_BACKFILL_HOLDS_BOTH = (
    "backfill begin, backfill lock_projects, backfill lock_generations, application add_note,"
    " application add_artifact, backfill commit, application commit"
)


async def refer_and_settle(stage: Stage, backfill: SteppedBackfill, project_id: str) -> Sequence[Session]:
    await stage.rows.add_project(project_id)
    await stage.rows.add(project_id, (f"{project_id}-a", "completed", 1))
    execute = stage.first.connection.execute
    refer = stage.session(
        "application",
        stage.first,
        add_note=lambda: execute(ADD_NOTE, project_id),
        add_artifact=lambda: execute(ADD_ARTIFACT, f"{project_id}-a"),
    )
    return refer, backfill.settle(project_id, stops=("lock_projects", "lock_generations", "commit"))


@pytest.fixture
async def backfill(stage: Stage) -> SteppedBackfill:
    await stage.alter(NOTES, "DROP TABLE notes")
    return await stage.stepped()


async def test_in_every_order_nobody_waits(stage: Stage, backfill: SteppedBackfill) -> None:
    ended = await stage.play_every_order(lambda project_id: refer_and_settle(stage, backfill, project_id))

    assert len(ended) == 35
    assert [one for one in ended if not one.is_right or one.played.waited or one.contended] == []


@pytest.mark.parametrize(
    ("statement", "blocked"), [("lock_projects", "add_note"), ("lock_generations", "add_artifact")]
)
async def test_a_lock_for_update_blocks_the_application(
    stage: Stage, backfill: SteppedBackfill, statement: str, blocked: str
) -> None:
    backfill.change(statement, "FOR NO KEY UPDATE SKIP LOCKED", "FOR UPDATE SKIP LOCKED")
    sessions = await refer_and_settle(stage, backfill, "p")

    ended = await stage.play("p", sessions, WHILE_THE_BACKFILL_HOLDS_BOTH)

    assert ended.played.waited == (f"application {blocked}",)
