"""A generation is inserted or moved into a project while another session edits, or deletes, the active one.

Guarded by the triggers on inserts and moves, which lock the active generation with the project, because PostgreSQL will
at the next update of the project, and which give the project back before they wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session

STATEMENTS = {
    "edit": "UPDATE generations SET quality_score = 1 WHERE id = $1 || '-a'",
    "lock": "SELECT FROM generations WHERE id = $1 || '-a' FOR UPDATE",
    "delete": "DELETE FROM generations WHERE id = $1 || '-a'",
    "project": "UPDATE projects SET status = 'edited' WHERE id = $1",
    "move": "UPDATE generations SET project_id = $1 WHERE id = $1 || '-b'",
}
DELETE_IN_BETWEEN = "editor first, writer arrive, editor second, editor commit, writer edit_project, writer commit"


async def arrive_and_edit(stage: Stage, project_id: str, arrive: str, edits: Sequence[str]) -> Sequence[Session]:
    """`arrive` is how: moved, or inserted with that status."""
    await stage.first.add_settled_project(project_id, f"{project_id}-a")
    await stage.first.add_settled_project(f"{project_id}q", f"{project_id}-b")
    await stage.first.complete(f"{project_id}-a")
    edit, write = stage.first.connection.execute, stage.second.connection.execute
    editor = stage.session(
        "editor",
        stage.first,
        first=lambda: edit(STATEMENTS[edits[0]], project_id),
        second=lambda: edit(STATEMENTS[edits[1]], project_id),
    )
    writer = stage.session(
        "writer",
        stage.second,
        arrive=lambda: (
            write(STATEMENTS["move"], project_id)
            if arrive == "move"
            else stage.second.add(f"{project_id}-c", project_id, arrive, minute=1)
        ),
        edit_project=lambda: write(STATEMENTS["project"], project_id),
    )
    return editor, writer


@pytest.mark.parametrize("arrive", ["pending", "completed", "move"])
@pytest.mark.parametrize("edits", [("lock", "delete"), ("edit", "project")], ids=["delete", "edit"])
async def test_in_every_order_there_is_no_deadlock(stage: Stage, arrive: str, edits: Sequence[str]) -> None:
    ended = await stage.play_every_order(
        lambda project_id: arrive_and_edit(stage, project_id, arrive, edits), beside="q"
    )

    assert len(ended) == 20
    assert [one for one in ended if not one.is_right] == []


async def test_an_insert_does_not_wait_for_an_edit_of_the_active_one(stage: Stage) -> None:
    sessions = await arrive_and_edit(stage, "p", "pending", ("edit", "edit"))

    ended = await stage.play("p", sessions, DELETE_IN_BETWEEN, beside="pq")

    assert ended.played.waited == ()


@pytest.mark.parametrize(
    ("arrive", "function", "old", "new"),
    [
        ("pending", "generations_number_before_insert", "FOR KEY SHARE NOWAIT;", "FOR KEY SHARE;"),
        ("completed", "generations_number_before_insert", "FOR NO KEY UPDATE NOWAIT;", "FOR NO KEY UPDATE;"),
        ("move", "generations_renumber_before_move", "FOR KEY SHARE NOWAIT;", "FOR KEY SHARE;"),
    ],
)
async def test_waiting_for_the_active_one_with_the_project_in_hand_deadlocks(
    stage: Stage, arrive: str, function: str, old: str, new: str
) -> None:
    sessions = await arrive_and_edit(stage, "p", arrive, ("lock", "delete"))
    await stage.change_function(function, old, new)

    ended = await stage.play("p", sessions, DELETE_IN_BETWEEN, beside="pq")

    assert list(ended.played.errors.values()) == ["40P01"]
