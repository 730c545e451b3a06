"""Two generations of a settled project are completed at once: the newer one is active, and only that.

Guarded by the completion trigger, which locks the project before it reads which one is active.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session


async def complete_twice(stage: Stage, project_id: str) -> Sequence[Session]:
    await stage.first.add_settled_project(project_id, f"{project_id}-a", f"{project_id}-b")
    return (
        stage.session("first", stage.first, complete=lambda: stage.first.complete(f"{project_id}-a")),
        stage.session("second", stage.second, complete=lambda: stage.second.complete(f"{project_id}-b")),
    )


async def test_in_every_order_the_newer_one_is_active(stage: Stage) -> None:
    ended = await stage.play_every_order(lambda project_id: complete_twice(stage, project_id))

    assert len(ended) == 6
    assert [one for one in ended if not one.is_right or one.active != "b"] == []


async def test_without_the_lock_both_have_the_flag(stage: Stage) -> None:
    sessions = await complete_twice(stage, "p")
    await stage.change_function(
        "generations_activate_completed",
        "WHERE p.id = NEW.project_id\n               FOR NO KEY UPDATE;",
        "WHERE p.id = NEW.project_id;",
    )

    ended = await stage.play("p", sessions, "first complete, second complete, first commit, second commit")

    assert ended.wrong == ("b is active by the project, a and b by the flag",)
