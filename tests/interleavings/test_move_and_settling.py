"""The application moves a generation to another project while both are settled.

Guarded by the trigger on moves, which locks both projects and numbers the generation where it goes.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session
from tests.support.stepped_backfill import SteppedBackfill

MOVE = "UPDATE generations SET project_id = $2 WHERE id = $1"
BETWEEN_SETTLE_AND_COMMIT = (
    "backfill begin, backfill lock_projects, backfill lock_generations, backfill settle,"
    " application move, backfill commit, application commit"
)
AFTER_THE_BACKFILL = (
    "backfill begin, backfill lock_projects, backfill lock_generations, backfill settle, backfill commit,"
    " application move, application commit"
)


async def move_and_settle(
    stage: Stage, backfill: SteppedBackfill, project_id: str, unsettled: Sequence[str] = ("", "q")
) -> Sequence[Session]:
    """From the project `<id>q` to the project `<id>`. `unsettled` are the endings of those that are settled in the
    play; the other one is settled before.
    """
    for ending in ("", "q"):
        await stage.rows.add_project(f"{project_id}{ending}")
    await stage.rows.add(project_id, (f"{project_id}-a", "completed", 1), (f"{project_id}-c", "completed", 3))
    await stage.rows.add(f"{project_id}q", (f"{project_id}-b", "completed", 2), (f"{project_id}-d", "failed", 4))
    await backfill.backfill.settle([f"{project_id}{ending}" for ending in ("", "q") if ending not in unsettled])
    execute = stage.first.connection.execute
    move = stage.session("application", stage.first, move=lambda: execute(MOVE, f"{project_id}-b", project_id))
    return move, backfill.settle(*(f"{project_id}{ending}" for ending in unsettled))


@pytest.mark.parametrize(
    ("unsettled", "numbers"),
    [(("", "q"), {2, 3}), (("",), {2, 3}), (("q",), {3})],
    ids=["both are settled", "the new one is", "the old one is"],
)
async def test_in_every_order_both_projects_are_right(stage: Stage, unsettled: tuple[str], numbers: set[int]) -> None:
    backfill = await stage.stepped()

    ended = await stage.play_every_order(
        lambda project_id: move_and_settle(stage, backfill, project_id, unsettled), beside="q"
    )

    assert len(ended) == 21
    assert [one for one in ended if not one.is_right] == []
    assert {one.versions["b"] for one in ended} == numbers


async def test_without_the_trigger_a_row_that_moves_while_its_new_project_is_settled_is_lost(stage: Stage) -> None:
    backfill = await stage.stepped()
    move, _ = await move_and_settle(stage, backfill, "p")
    await stage.drop_trigger("generations_renumber_before_move")

    ended = await stage.play("p", (move, backfill.settle("p")), BETWEEN_SETTLE_AND_COMMIT)

    assert ended.played.waited == ()
    assert ended.wrong == ("b is unassigned",)


async def test_without_the_trigger_a_number_is_there_twice_and_the_old_project_points_away(stage: Stage) -> None:
    sessions = await move_and_settle(stage, await stage.stepped(), "p")
    await stage.drop_trigger("generations_renumber_before_move")

    ended = await stage.play("p", sessions, AFTER_THE_BACKFILL, beside="pq")

    assert ended.wrong == (
        "a and b are number 1",
        "c is active by the project, b and c by the flag",
        "b is active by the project, none by the flag",
    )
