"""Moves of generations between projects, against an insert and against each other.

Guarded by the trigger on moves, which locks both projects, always in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session

MOVE = "UPDATE generations SET project_id = $2 WHERE id = $1"
EDIT_PROJECT = "UPDATE projects SET status = 'edited' WHERE id = $1"
LOCK_BOTH = """\
            PERFORM FROM public.projects AS p
              WHERE p.id IN (OLD.project_id, NEW.project_id)
              ORDER BY p.id
                FOR NO KEY UPDATE;
"""
LOCK_ONE_AFTER_THE_OTHER = (
    "    PERFORM FROM public.projects AS p WHERE p.id = OLD.project_id FOR NO KEY UPDATE;\n"
    "    PERFORM FROM public.projects AS p WHERE p.id = NEW.project_id FOR NO KEY UPDATE;\n"
)


async def move_and_insert(stage: Stage, project_id: str) -> Sequence[Session]:
    await stage.first.add_settled_project(project_id, f"{project_id}-a")
    await stage.first.add_settled_project(f"{project_id}q", f"{project_id}-b")
    execute = stage.first.connection.execute
    return (
        stage.session("mover", stage.first, move=lambda: execute(MOVE, f"{project_id}-b", project_id)),
        stage.session("other", stage.second, insert=lambda: stage.second.add(f"{project_id}-c", project_id, minute=1)),
    )


async def move_both_ways(stage: Stage, project_id: str) -> Sequence[Session]:
    """The first of the two has its project locked already."""
    there = f"{project_id}q"
    await stage.first.add_settled_project(project_id, f"{project_id}-a")
    await stage.first.add_settled_project(there, f"{project_id}-b")
    first, second = stage.first.connection.execute, stage.second.connection.execute
    return (
        stage.session(
            "first",
            stage.first,
            edit_project=lambda: first(EDIT_PROJECT, project_id),
            move=lambda: first(MOVE, f"{project_id}-a", there),
        ),
        stage.session("second", stage.second, move=lambda: second(MOVE, f"{project_id}-b", project_id)),
    )


async def test_in_every_order_a_move_and_an_insert_get_two_numbers(stage: Stage) -> None:
    ended = await stage.play_every_order(lambda project_id: move_and_insert(stage, project_id), beside="q")

    assert len(ended) == 6
    assert [one for one in ended if not one.is_right or one.latest != 3] == []


async def test_in_every_order_moves_in_opposite_directions_do_not_deadlock(stage: Stage) -> None:
    ended = await stage.play_every_order(lambda project_id: move_both_ways(stage, project_id), beside="q")

    assert len(ended) == 10
    assert [one for one in ended if not one.is_right or one.versions != {"b": 2}] == []


async def test_locks_taken_in_the_order_of_the_move_deadlock(stage: Stage) -> None:
    sessions = await move_both_ways(stage, "p")
    await stage.change_function("generations_renumber_before_move", LOCK_BOTH, LOCK_ONE_AFTER_THE_OTHER)

    ended = await stage.play("p", sessions, "first edit_project, second move, first move, first commit, second commit")

    assert list(ended.played.errors.values()) == ["40P01"]


async def test_without_the_lock_a_move_and_an_insert_get_the_same_number(stage: Stage) -> None:
    sessions = await move_and_insert(stage, "p")
    await stage.change_function("generations_renumber_before_move", LOCK_BOTH, "")

    ended = await stage.play("p", sessions, "other insert, mover move, other commit, mover commit")

    assert ended.wrong == ("b and c are number 2",)
