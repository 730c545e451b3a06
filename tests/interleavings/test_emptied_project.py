"""A project loses its last generation while it gets another one, and the backfill comes along.

The insert trigger may still see the generation that is being deleted: it leaves the new one to the backfill, which sees
neither. Guarded by settling, which takes the lock of an empty project too, and writes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from backfill.runs.ranges import Key
from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session
from tests.support.stepped_backfill import SteppedBackfill
from worker.generations.backfill import FIRST_KEY, GenerationVersions

LAST_KEY: Key = ("infinity", "")
BEFORE_THE_INSERT_IS_COMMITTED = (
    "remover delete, application insert, remover commit, backfill begin, backfill commit, application commit"
)
IN_AN_OLDER_SNAPSHOT = (
    "application read, remover delete, remover commit, backfill begin, backfill commit,"
    " application insert, application commit"
)


def settle_what_needs_it(backfill: SteppedBackfill, project_id: str) -> SteppedBackfill:
    """As a worker does: it reads a page, and settles the units in it that need work."""

    async def read_and_settle(generations: GenerationVersions) -> None:
        page = await generations.read_page(FIRST_KEY, LAST_KEY, units=10_000, row_cap=100)
        ids = [unit.id for unit in page if unit.id == project_id and unit.needs_work]
        backfill.contended = (await generations.settle(ids)).contended if ids else frozenset()

    return backfill.work(read_and_settle, ("commit",), contended=[project_id])


async def insert_while_emptied(stage: Stage, backfill: SteppedBackfill, project_id: str) -> Sequence[Session]:
    await stage.rows.add_project(project_id)
    await stage.rows.add(project_id, (f"{project_id}-a", "completed", 1))
    delete = stage.first.connection.execute
    remover = stage.session(
        "remover", stage.first, delete=lambda: delete("DELETE FROM generations WHERE id = $1", f"{project_id}-a")
    )
    insert = stage.session(
        "application", stage.second, insert=lambda: stage.second.add(f"{project_id}-b", project_id, minute=2)
    )
    return remover, insert, settle_what_needs_it(backfill, project_id)


async def test_in_every_order_what_comes_is_numbered(stage: Stage) -> None:
    backfill = await stage.stepped()

    ended = await stage.play_every_order(lambda project_id: insert_while_emptied(stage, backfill, project_id))

    assert len(ended) == 90
    assert [one for one in ended if not one.is_right] == []


async def test_an_insert_in_flight_makes_the_empty_project_contended(stage: Stage) -> None:
    sessions = await insert_while_emptied(stage, await stage.stepped(), "p")

    ended = await stage.play("p", sessions, BEFORE_THE_INSERT_IS_COMMITTED)

    assert ended.contended
    assert ended.played.waited == ()
    assert ended.versions == {"b": 1}


async def insert_out_of_an_older_snapshot(
    stage: Stage, backfill: SteppedBackfill, project_id: str
) -> Sequence[Session]:
    remover, _, settle = await insert_while_emptied(stage, backfill, project_id)
    execute = stage.second.connection.execute
    insert = stage.session(
        "application",
        stage.second,
        read=lambda: execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT FROM projects"),
        insert=lambda: stage.second.add(f"{project_id}-b", project_id, minute=2),
    )
    return remover, insert, settle


async def test_an_insert_out_of_an_older_snapshot_has_to_be_tried_again(stage: Stage) -> None:
    sessions = await insert_out_of_an_older_snapshot(stage, await stage.stepped(), "p")

    ended = await stage.play("p", sessions, IN_AN_OLDER_SNAPSHOT)

    assert ended.played.errors == {"application": "40001"}
    assert (ended.versions, ended.wrong) == ({}, ())


async def test_when_an_empty_project_is_passed_without_its_lock_the_row_is_lost(stage: Stage) -> None:
    backfill = await stage.stepped()
    backfill.change("read_page", "p.latest_version > 0 AS settled", "p.latest_version > 0 OR n.rows = 0 AS settled")
    sessions = await insert_while_emptied(stage, backfill, "p")

    ended = await stage.play("p", sessions, BEFORE_THE_INSERT_IS_COMMITTED)

    assert not ended.contended
    assert ended.wrong == ("b is unassigned",)


async def test_when_an_empty_project_is_not_written_the_row_out_of_an_older_snapshot_is_lost(stage: Stage) -> None:
    backfill = await stage.stepped()
    backfill.change("settle", "l.latest_version < 1\n", "false\n")
    sessions = await insert_out_of_an_older_snapshot(stage, backfill, "p")

    ended = await stage.play("p", sessions, IN_AN_OLDER_SNAPSHOT)

    assert ended.played.errors == {}
    assert ended.wrong == ("b is unassigned",)
