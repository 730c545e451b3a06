"""The next release counts for itself: it reads latest_version, inserts with the next number and raises latest_version.

Guarded by the insert trigger, which keeps two sessions apart that read the same, and by the trigger on projects, which
keeps the slower one from setting latest_version back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.migrations.support import Application
from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session

RAISE = "UPDATE projects SET latest_version = $2 WHERE id = $1"
BOTH_READ_BEFORE_EITHER_WRITES = "first read, second read, first write, first commit, second write, second commit"


def insert(stage: Stage, name: str, application: Application, project_id: str, generation_id: str) -> Session:
    seen: dict[str, Any] = {}

    async def read() -> None:
        seen["latest"] = await application.latest_version(project_id)

    async def write() -> None:
        following = seen["latest"] + 1
        await application.add_as_next_release(f"{project_id}-{generation_id}", project_id, version=following)
        await application.connection.execute(RAISE, project_id, following)

    return stage.session(name, application, read=read, write=write)


async def insert_twice(stage: Stage, project_id: str) -> Sequence[Session]:
    await stage.first.add_settled_project(project_id, f"{project_id}-a")
    return (
        insert(stage, "first", stage.first, project_id, "b"),
        insert(stage, "second", stage.second, project_id, "c"),
    )


async def test_in_every_order_they_get_two_numbers(stage: Stage) -> None:
    ended = await stage.play_every_order(lambda project_id: insert_twice(stage, project_id))

    assert len(ended) == 20
    assert [one for one in ended if not one.is_right or one.latest != 3] == []


async def test_without_the_trigger_on_inserts_they_get_the_same_number(stage: Stage) -> None:
    sessions = await insert_twice(stage, "p")
    await stage.drop_trigger("generations_number_before_insert")

    ended = await stage.play("p", sessions, BOTH_READ_BEFORE_EITHER_WRITES)

    assert ended.wrong == ("b and c are number 2",)


async def test_without_the_trigger_on_projects_the_slower_one_sets_latest_version_back(stage: Stage) -> None:
    sessions = await insert_twice(stage, "p")
    await stage.drop_trigger("projects_latest_version_before_update", "projects")

    ended = await stage.play("p", sessions, BOTH_READ_BEFORE_EITHER_WRITES)

    assert ended.versions == {"a": 1, "b": 2, "c": 3}
    assert ended.wrong == ("latest_version is 2, below a number that was given",)
