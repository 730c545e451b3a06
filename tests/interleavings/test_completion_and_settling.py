"""The application completes a generation while its project is settled: the newest completed one is active in the end.

Guarded by the completion trigger, and by settling that leaves a project alone of which not every row could be locked.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session
from tests.support.stepped_backfill import SteppedBackfill

AFTER_THE_BACKFILL = (
    "backfill begin, backfill lock_projects, backfill lock_generations, backfill settle, backfill commit,"
    " application complete, application commit"
)
WHILE_THE_BACKFILL_HOLDS_THE_ROW = (
    "backfill begin, backfill lock_projects, backfill lock_generations, application complete,"
    " backfill settle, backfill commit, application commit"
)
WHILE_THE_APPLICATION_HOLDS_THE_ROW = (
    "application complete, backfill begin, backfill lock_projects, backfill lock_generations,"
    " backfill settle, application commit, backfill commit"
)


async def complete_and_settle(stage: Stage, backfill: SteppedBackfill, project_id: str) -> Sequence[Session]:
    await stage.rows.add_project(project_id)
    await stage.rows.add(project_id, (f"{project_id}-a", "completed", 1), (f"{project_id}-b", "processing", 2))
    complete = stage.session("application", stage.first, complete=lambda: stage.first.complete(f"{project_id}-b"))
    return complete, backfill.settle(project_id)


async def test_in_every_order_the_newest_completed_one_is_active(stage: Stage) -> None:
    backfill = await stage.stepped()

    ended = await stage.play_every_order(lambda project_id: complete_and_settle(stage, backfill, project_id))

    assert len(ended) == 21
    assert [one for one in ended if not one.is_right or one.active != "b"] == []


async def test_a_completion_that_waited_is_decided_by_the_settled_project(stage: Stage) -> None:
    sessions = await complete_and_settle(stage, await stage.stepped(), "p")

    ended = await stage.play("p", sessions, WHILE_THE_BACKFILL_HOLDS_THE_ROW)

    assert ended.played.waited == ("application complete",)
    assert ended.active == "b"


async def test_a_completion_of_a_row_done_in_an_earlier_part_waits_for_the_last_part(stage: Stage) -> None:
    backfill = await stage.stepped()
    await stage.rows.add_project("p")
    await stage.rows.add("p", ("a", "processing", 1), ("b", "completed", 0), ("c", "failed", 2))
    part = await backfill.backfill.settle_part("p", None, rows=2)
    complete = stage.session("application", stage.first, complete=lambda: stage.first.complete("a"))
    last_part = backfill.settle_in_parts("p", rows=2, mark=part.mark)

    ended = await stage.play(
        "p",
        (complete, last_part),
        "backfill begin, backfill lock_projects, backfill lock_part, backfill number_part,"
        " application complete, backfill commit, application commit",
    )

    assert ended.played.waited == ("application complete",)
    assert ended.wrong == ()
    assert ended.active == "a"


async def test_without_the_trigger_an_older_one_stays_active(stage: Stage) -> None:
    sessions = await complete_and_settle(stage, await stage.stepped(), "p")
    await stage.drop_trigger("generations_activate_after_update")

    ended = await stage.play("p", sessions, AFTER_THE_BACKFILL)

    assert ended.wrong == ("b is completed and newer than a, which is active",)


async def test_settling_with_a_row_left_out_loses_it(stage: Stage) -> None:
    backfill = await stage.stepped()
    backfill.change(
        "settle", "HAVING count(*) FILTER (WHERE unassigned OR is_active OR completed) = min(rows_locked)", ""
    )
    sessions = await complete_and_settle(stage, backfill, "p")

    ended = await stage.play("p", sessions, WHILE_THE_APPLICATION_HOLDS_THE_ROW)

    assert ended.played.waited == ("backfill settle",)
    assert "b is unassigned" in ended.wrong
    assert ended.latest == 2
