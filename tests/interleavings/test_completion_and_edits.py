"""A generation is completed while another session edits, or deletes, the active one and its project in either order.

Guarded by the completion trigger, which gives the project back before it waits for the active generation.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session

STATEMENTS = {
    "edit": "UPDATE generations SET quality_score = 1 WHERE id = $1 || '-a'",
    "project": "UPDATE projects SET status = 'edited' WHERE id = $1",
    "lock": "SELECT FROM generations WHERE id = $1 || '-a' FOR UPDATE",
    "delete": "DELETE FROM generations WHERE id = $1 || '-a'",
}


async def complete_and_edit(stage: Stage, project_id: str, first: str, second: str) -> Sequence[Session]:
    await stage.first.add_settled_project(project_id, f"{project_id}-a", f"{project_id}-b")
    await stage.first.complete(f"{project_id}-a")
    execute = stage.first.connection.execute
    edits = stage.session(
        "editor",
        stage.first,
        first=lambda: execute(STATEMENTS[first], project_id),
        second=lambda: execute(STATEMENTS[second], project_id),
    )
    complete = stage.session("completer", stage.second, complete=lambda: stage.second.complete(f"{project_id}-b"))
    return edits, complete


@pytest.mark.parametrize(("first", "second"), [("edit", "project"), ("project", "edit"), ("lock", "delete")])
async def test_in_every_order_there_is_no_deadlock(stage: Stage, first: str, second: str) -> None:
    ended = await stage.play_every_order(lambda project_id: complete_and_edit(stage, project_id, first, second))

    assert len(ended) == 10
    assert [one for one in ended if not one.is_right or one.active != "b"] == []


async def test_waiting_for_the_active_one_with_the_project_in_hand_deadlocks(stage: Stage) -> None:
    sessions = await complete_and_edit(stage, "p", "edit", "project")
    await stage.change_function("generations_activate_completed", "FOR NO KEY UPDATE NOWAIT;", "FOR NO KEY UPDATE;")

    ended = await stage.play(
        "p", sessions, "editor first, completer complete, editor second, editor commit, completer commit"
    )

    assert ended.played.waited == ("completer complete", "editor second")
    assert list(ended.played.errors.values()) == ["40P01"]
