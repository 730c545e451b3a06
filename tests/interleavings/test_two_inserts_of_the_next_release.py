"""The next release counts for itself: it reads latest_version, raises it, inserts with that number, in either order.

Guarded by the insert trigger, which keeps apart who reads the same, by the triggers that note what a session reserves
when it writes the project first, and by the one that keeps the slower session from setting latest_version back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.migrations.support import RAISE, Application
from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session

BOTH_READ_BEFORE_EITHER_WRITES = (
    "first read, second read, first raise, first insert, first commit, second raise, second insert, second commit"
)
KEEPS_WHAT_IS_RESERVED = "IF NEW.version::bigint <@ unused THEN"
DELETE = "DELETE FROM generations WHERE id = $1"
PROJECT_FIRST, GENERATION_FIRST = ("raise", "insert"), ("insert", "raise")


def counting(
    stage: Stage, name: str, application: Application, generation_id: str, *, order: Sequence[str] = PROJECT_FIRST
) -> Session:
    """Into the project that its id begins with."""
    project_id = generation_id.partition("-")[0]
    seen: dict[str, Any] = {}

    async def read() -> None:
        seen["next"] = await application.latest_version(project_id) + 1

    steps = {
        "raise": lambda: application.connection.execute(RAISE, project_id, seen["next"]),
        "insert": lambda: application.add_as_next_release(generation_id, project_id, version=seen["next"]),
    }
    return stage.session(name, application, read=read, **{step: steps[step] for step in order})


async def insert_twice(stage: Stage, project_id: str, *orders: Sequence[str]) -> Sequence[Session]:
    await stage.first.add_settled_project(project_id, f"{project_id}-a")
    first, second = orders or (PROJECT_FIRST, PROJECT_FIRST)
    return (
        counting(stage, "first", stage.first, f"{project_id}-b", order=first),
        counting(stage, "second", stage.second, f"{project_id}-c", order=second),
    )


async def insert_beside_todays_release(stage: Stage, project_id: str, order: Sequence[str]) -> Sequence[Session]:
    await stage.first.add_settled_project(project_id, f"{project_id}-a")
    return (
        counting(stage, "next", stage.first, f"{project_id}-b", order=order),
        stage.session("todays", stage.second, insert=lambda: stage.second.add(f"{project_id}-c", project_id)),
    )


async def insert_beside_a_delete(stage: Stage, project_id: str) -> Sequence[Session]:
    await stage.first.add_settled_project(project_id, f"{project_id}-a")
    freed = f"{project_id}-freed"
    return (
        counting(stage, "next", stage.first, f"{project_id}-b"),
        stage.session(
            "other",
            stage.second,
            insert=lambda: stage.second.add(freed, project_id),
            delete=lambda: stage.second.connection.execute(DELETE, freed),
        ),
    )


@pytest.mark.parametrize(
    "orders",
    [(PROJECT_FIRST, PROJECT_FIRST), (PROJECT_FIRST, GENERATION_FIRST), (GENERATION_FIRST, GENERATION_FIRST)],
    ids=["project-first", "both", "generation-first"],
)
async def test_in_every_order_they_get_two_numbers(stage: Stage, orders: Sequence[Sequence[str]]) -> None:
    ended = await stage.play_every_order(lambda project_id: insert_twice(stage, project_id, *orders))

    assert len(ended) == 70
    assert [one for one in ended if not one.is_right or one.latest != 3] == []


@pytest.mark.parametrize("order", [PROJECT_FIRST, GENERATION_FIRST], ids=["project-first", "generation-first"])
async def test_in_every_order_beside_todays_release_they_get_two_numbers(stage: Stage, order: Sequence[str]) -> None:
    ended = await stage.play_every_order(lambda project_id: insert_beside_todays_release(stage, project_id, order))

    assert len(ended) == 15
    assert [one for one in ended if not one.is_right or one.latest != 3] == []


async def test_in_every_order_a_freed_number_is_not_given_out_again(stage: Stage) -> None:
    ended = await stage.play_every_order(lambda project_id: insert_beside_a_delete(stage, project_id))

    assert len(ended) == 35
    assert [one for one in ended if not one.is_right or one.latest != 3] == []


async def test_a_raise_that_rolls_back_leaves_its_number_to_the_one_that_waited(stage: Stage) -> None:
    first, second = await insert_twice(stage, "p")
    first.steps = {**first.steps, "commit": lambda: stage.first.connection.execute("ROLLBACK")}

    ended = await stage.play(
        "p",
        (first, second),
        "first read, second read, first raise, second raise, first insert, first commit, second insert, second commit",
    )

    assert ended.played.waited == ("second raise",)
    assert ended.versions == {"a": 1, "c": 2}


async def reserve_in_a_savepoint_beside_a_delete(stage: Stage) -> Sequence[Session]:
    """Of the active generation, which sets the project's pointer to NULL and so waits for the project."""
    await stage.first.add_settled_project("p", "p-a")
    await stage.first.complete("p-a")
    return (
        stage.session(
            "next",
            stage.first,
            raise_=lambda: stage.first.connection.execute(
                "SAVEPOINT s; UPDATE projects SET latest_version = 2 WHERE id = 'p'; RELEASE s"
            ),
            insert=lambda: stage.first.add_as_next_release("p-b", "p", version=2),
        ),
        stage.session("other", stage.second, delete=lambda: stage.second.connection.execute(DELETE, "p-a")),
    )


async def test_what_was_reserved_in_a_savepoint_does_not_wait_for_a_delete(stage: Stage) -> None:
    sessions = await reserve_in_a_savepoint_beside_a_delete(stage)

    ended = await stage.play("p", sessions, "next raise_, other delete, next insert, next commit, other commit")

    assert (ended.played.waited, ended.played.errors) == (("other delete",), {})
    assert ended.versions == {"b": 2}


async def test_if_it_locked_the_active_generation_again_it_would_deadlock(stage: Stage) -> None:
    sessions = await reserve_in_a_savepoint_beside_a_delete(stage)
    await stage.change_function("generations_number_before_insert", "OR NEW.version::bigint <@ unused)", ")")

    ended = await stage.play("p", sessions, "next raise_, other delete, next insert, next commit, other commit")

    assert "40P01" in ended.played.errors.values()


async def test_without_what_is_reserved_the_numbers_have_gaps(stage: Stage) -> None:
    sessions = await insert_twice(stage, "p")
    await stage.change_function("generations_number_before_insert", KEEPS_WHAT_IS_RESERVED, "IF false THEN")

    ended = await stage.play(
        "p",
        sessions,
        "first read, first raise, first insert, first commit, second read, second raise, second insert, second commit",
    )

    assert ended.versions == {"a": 1, "b": 3, "c": 5}


async def test_keeping_whatever_is_the_latest_number_would_give_it_twice(stage: Stage) -> None:
    sessions = await insert_twice(stage, "p")
    await stage.change_function(
        "generations_number_before_insert", KEEPS_WHAT_IS_RESERVED, "IF NEW.version = latest THEN"
    )

    ended = await stage.play("p", sessions, BOTH_READ_BEFORE_EITHER_WRITES)

    assert ended.wrong == ("b and c are number 2",)


async def test_keeping_it_where_the_project_was_written_by_oneself_would_give_a_freed_number(stage: Stage) -> None:
    sessions = await insert_beside_a_delete(stage, "p")
    await stage.change_function(
        "generations_number_before_insert",
        KEEPS_WHAT_IS_RESERVED,
        "IF NEW.version = latest AND EXISTS (SELECT FROM public.projects AS p WHERE p.id = NEW.project_id"
        " AND p.xmin = pg_current_xact_id()::xid) THEN",
    )

    ended = await stage.play(
        "p",
        sessions,
        "next read, other insert, other delete, other commit, next raise, next insert, next commit",
    )

    assert ended.versions == {"a": 1, "b": 2}, "as freed was"


async def test_without_the_trigger_on_inserts_they_get_the_same_number(stage: Stage) -> None:
    sessions = await insert_twice(stage, "p")
    await stage.drop_trigger("generations_number_before_insert")

    ended = await stage.play("p", sessions, BOTH_READ_BEFORE_EITHER_WRITES)

    assert ended.wrong == ("b and c are number 2",)


async def test_without_the_trigger_on_projects_the_slower_one_sets_latest_version_back(stage: Stage) -> None:
    sessions = await insert_twice(stage, "p", GENERATION_FIRST, GENERATION_FIRST)
    await stage.drop_trigger("projects_latest_version_before_update", "projects")

    ended = await stage.play(
        "p",
        sessions,
        "first read, second read, first insert, first raise, first commit, second insert, second raise, second commit",
    )

    assert ended.versions == {"a": 1, "b": 2, "c": 3}
    assert ended.wrong == ("latest_version is 2, below a number that was given",)
