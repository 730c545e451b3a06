"""Two sessions of the application insert into one project: each row gets a number of its own.

Guarded by the insert trigger, which locks the project before it reads the highest number.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session

BOTH_BEFORE_EITHER_COMMITS = "first insert, second insert, first commit, second commit"


async def insert_twice(stage: Stage, project_id: str, *, settled: bool = True) -> Sequence[Session]:
    await stage.first.add_settled_project(project_id, *([f"{project_id}-a"] if settled else []))
    return (
        stage.session("first", stage.first, insert=lambda: stage.first.add(f"{project_id}-b", project_id, minute=1)),
        stage.session("second", stage.second, insert=lambda: stage.second.add(f"{project_id}-c", project_id, minute=2)),
    )


@pytest.mark.parametrize("settled", [True, False], ids=["into a settled project", "into an empty one"])
async def test_in_every_order_they_get_two_numbers(stage: Stage, settled: bool) -> None:
    ended = await stage.play_every_order(lambda project_id: insert_twice(stage, project_id, settled=settled))

    assert len(ended) == 6
    assert [one for one in ended if not one.is_right] == []
    assert {one.latest for one in ended} == {3 if settled else 2}


async def test_one_whose_forerunner_rolls_back_takes_its_number(stage: Stage) -> None:
    first, second = await insert_twice(stage, "p")
    first.steps = {**first.steps, "commit": lambda: stage.first.connection.execute("ROLLBACK")}

    ended = await stage.play("p", (first, second), BOTH_BEFORE_EITHER_COMMITS)

    assert ended.played.waited == ("second insert",)
    assert ended.versions == {"a": 1, "c": 2}


async def test_they_do_not_wait_for_each_other_in_two_projects(stage: Stage) -> None:
    first, _ = await insert_twice(stage, "p")
    _, second = await insert_twice(stage, "q")

    ended = await stage.play("p", (first, second), BOTH_BEFORE_EITHER_COMMITS, beside="q")

    assert ended.played.waited == ()
    assert ended.is_right


async def test_without_the_lock_they_get_the_same_number(stage: Stage) -> None:
    await stage.change_function(
        "generations_number_before_insert",
        "WHERE p.id = NEW.project_id\n               FOR NO KEY UPDATE;",
        "WHERE p.id = NEW.project_id;",
    )

    ended = await stage.play("p", await insert_twice(stage, "p"), BOTH_BEFORE_EITHER_COMMITS)

    assert ended.wrong == ("b and c are number 2",)
