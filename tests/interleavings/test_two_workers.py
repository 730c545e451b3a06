"""Two workers settle one project at once, as happens after a takeover: every row is written once, with one number.

Guarded by the lock on the project.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session
from tests.support.stepped_backfill import SteppedBackfill

WHOLE = ("settle", "commit")
PART = ("lock_part", "commit")


async def settle_twice(stage: Stage, workers: Sequence[SteppedBackfill], project_id: str) -> Sequence[Session]:
    await stage.rows.add_project(project_id)
    await stage.rows.add(project_id, *((f"{project_id}-{n}", "completed", n) for n in range(1, 6)))
    return [worker.settle(project_id, stops=WHOLE) for worker in workers]


async def settle_parts_twice(stage: Stage, workers: Sequence[SteppedBackfill], project_id: str) -> Sequence[Session]:
    await stage.rows.add_project(project_id)
    await stage.rows.add(project_id, *((f"{project_id}-{n}", "completed", n) for n in range(1, 6)))
    return [worker.settle_in_parts(project_id, rows=2, stops=PART) for worker in workers]


async def two_workers(stage: Stage) -> list[SteppedBackfill]:
    return [await stage.stepped("backfill-1"), await stage.stepped("backfill-2")]


async def test_in_every_order_each_row_is_written_once(stage: Stage) -> None:
    workers = await two_workers(stage)

    ended = await stage.play_every_order(lambda project_id: settle_twice(stage, workers, project_id))

    assert len(ended) == 20
    assert [one for one in ended if not one.is_right or one.played.waited or one.written != 5] == []


async def test_in_every_order_parts_continue_one_numbering(stage: Stage) -> None:
    workers = await two_workers(stage)

    ended = await stage.play_every_order(lambda project_id: settle_parts_twice(stage, workers, project_id))

    assert len(ended) == 20
    assert [one for one in ended if not one.is_right or one.played.waited] == []
    assert {tuple(one.versions.values()) for one in ended} == {(1, 2, 3, 4, 5)}


async def test_without_the_lock_on_the_project_a_number_is_given_twice(stage: Stage) -> None:
    workers = await two_workers(stage)
    for worker in workers:
        worker.change("lock_projects", "FOR NO KEY UPDATE SKIP LOCKED", "")
        worker.change("lock_part", "FOR NO KEY UPDATE NOWAIT", "")
    late = stage.session("application", stage.first, insert=lambda: stage.first.add("p-late", "p", minute=0.5))
    first, second = await settle_parts_twice(stage, workers, "p")

    ended = await stage.play(
        "p",
        (first, second, late),
        "backfill-1 begin, backfill-1 lock_part, application insert, application commit, backfill-2 begin,"
        " backfill-2 lock_part, backfill-1 commit, backfill-2 commit",
    )

    assert ended.wrong == ("late and 1 are number 1",)
