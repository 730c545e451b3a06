"""A project loses its last generation while it gets another one, and the backfill comes along.

The insert trigger may still see the generation that is being deleted: it leaves the new one to the backfill, which sees
neither. Guarded by the mark that a lock leaves in the project's row: only where there is none an empty project is
passed, and otherwise settling takes its lock too, and writes it. Out of an older snapshot (REPEATABLE READ) the
triggers may see a generation that has been gone for long: they lock what they see, which the database refuses then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from backfill.runs.ranges import Key
from tests.support.interleaved_cases import Stage
from tests.support.interleaving import Session
from tests.support.stepped_backfill import SteppedBackfill
from worker.generations.backfill import FIRST_KEY, GenerationVersions

LAST_KEY: Key = ("infinity", "")
BEFORE_THE_INSERT_IS_COMMITTED = (
    "remover remove, application insert, remover commit, backfill begin, backfill commit, application commit"
)
IN_AN_OLDER_SNAPSHOT = (
    "application read, remover remove, remover commit, backfill begin, backfill commit,"
    " application insert, application commit"
)
DELETE = "DELETE FROM generations WHERE id = $1"
MOVE_AWAY = "UPDATE generations SET project_id = project_id || 'q' WHERE id = $1"
MOVE_HERE = "UPDATE generations SET project_id = rtrim(project_id, 'q') WHERE id = $1"
LOCK = " LIMIT 1 FOR KEY SHARE SKIP LOCKED"

BEFORE = """
SELECT b.created_at::text, b.id FROM projects AS b, projects AS p
WHERE p.id = $1 AND (b.created_at, b.id) < (p.created_at, p.id) ORDER BY b.created_at DESC, b.id DESC LIMIT 1
"""

Insert = Callable[[Stage, str], Awaitable[None]]
Reading = Callable[[SteppedBackfill, str, Key], SteppedBackfill]


def by_name(backfill: SteppedBackfill, project_id: str, _before: Key) -> SteppedBackfill:
    """As a worker does: it reads a page, and settles the units in it that need work."""

    async def read_and_settle(generations: GenerationVersions) -> None:
        page = await generations.read_page(FIRST_KEY, LAST_KEY, units=10_000, row_cap=100)
        ids = [unit.id for unit in page if unit.id == project_id and unit.needs_work]
        backfill.contended = (await generations.settle(ids)).contended if ids else frozenset()

    return backfill.work(read_and_settle, ("commit",), contended=[project_id])


def as_a_whole(backfill: SteppedBackfill, project_id: str, before: Key) -> SteppedBackfill:
    """As a worker does that has met a page without work: it asks whether the next one, after `before`, is another."""

    async def pass_or_settle(generations: GenerationVersions) -> None:
        passed = await generations.pass_settled(before, LAST_KEY, units=1)
        backfill.contended = frozenset() if passed else (await generations.settle([project_id])).contended

    return backfill.work(pass_or_settle, ("commit",), contended=[project_id])


async def insert(stage: Stage, project_id: str) -> None:
    await stage.second.add(f"{project_id}-b", project_id, minute=2)


async def move_here(stage: Stage, project_id: str) -> None:
    await stage.second.connection.execute(MOVE_HERE, f"{project_id}-b")


async def insert_while_emptied(
    stage: Stage, backfill: SteppedBackfill, project_id: str, *, remove: str = DELETE, reading: Reading = by_name
) -> Sequence[Session]:
    await stage.rows.add_project(project_id)
    await stage.rows.add(project_id, (f"{project_id}-a", "completed", 1))
    before: Any = await stage.rows.connection.fetchrow(BEFORE, project_id)
    execute = stage.first.connection.execute
    remover = stage.session("remover", stage.first, remove=lambda: execute(remove, f"{project_id}-a"))
    application = stage.session("application", stage.second, insert=lambda: insert(stage, project_id))
    return remover, application, reading(backfill, project_id, tuple(before or FIRST_KEY))


@pytest.mark.parametrize("reading", [by_name, as_a_whole])
async def test_in_every_order_what_comes_is_numbered(stage: Stage, reading: Reading) -> None:
    backfill = await stage.stepped()

    ended = await stage.play_every_order(
        lambda project_id: insert_while_emptied(stage, backfill, project_id, reading=reading)
    )

    assert len(ended) == 90
    assert [one for one in ended if not one.is_right] == []


async def test_an_insert_in_flight_makes_the_empty_project_contended(stage: Stage) -> None:
    sessions = await insert_while_emptied(stage, await stage.stepped(), "p")

    ended = await stage.play("p", sessions, BEFORE_THE_INSERT_IS_COMMITTED)

    assert ended.contended
    assert ended.played.waited == ()
    assert ended.versions == {"b": 1}


async def come_out_of_an_older_snapshot(
    stage: Stage, backfill: SteppedBackfill, project_id: str, *, remove: str = DELETE, come: Insert = insert
) -> Sequence[Session]:
    """`come`: how the second generation comes into the project; before, it is in another one, or nowhere."""
    await stage.rows.add_project(f"{project_id}q")
    if come is move_here:
        await stage.rows.add(f"{project_id}q", (f"{project_id}-b", "completed", 2))
    remover, _, settle = await insert_while_emptied(stage, backfill, project_id, remove=remove)
    execute = stage.second.connection.execute
    application = stage.session(
        "application",
        stage.second,
        read=lambda: execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT FROM projects"),
        insert=lambda: come(stage, project_id),
    )
    return remover, application, settle


@pytest.mark.parametrize("come", [insert, move_here])
@pytest.mark.parametrize("remove", [DELETE, MOVE_AWAY], ids=["deleted", "moved away"])
async def test_in_every_order_what_comes_out_of_an_older_snapshot_is_numbered_or_refused(
    stage: Stage, come: Insert, remove: str
) -> None:
    backfill = await stage.stepped()

    ended = await stage.play_every_order(
        lambda project_id: come_out_of_an_older_snapshot(stage, backfill, project_id, remove=remove, come=come)
    )

    assert len(ended) == 210
    assert [one for one in ended if one.wrong] == []
    assert {code for one in ended for code in one.played.errors.values()} == {"40001"}


async def test_an_insert_out_of_an_older_snapshot_has_to_be_tried_again(stage: Stage) -> None:
    sessions = await come_out_of_an_older_snapshot(stage, await stage.stepped(), "p")

    ended = await stage.play("p", sessions, IN_AN_OLDER_SNAPSHOT)

    assert ended.played.errors == {"application": "40001"}
    assert (ended.versions, ended.wrong) == ({}, ())


@pytest.mark.parametrize(("statement", "reading"), [("read_page", by_name), ("pass_settled", as_a_whole)])
async def test_when_an_empty_project_is_passed_whoever_has_locked_it_the_row_is_lost(
    stage: Stage, statement: str, reading: Reading
) -> None:
    backfill = await stage.stepped()
    backfill.change(statement, "(n.rows = 0 AND p.untouched)", "n.rows = 0")
    sessions = await insert_while_emptied(stage, backfill, "p", reading=reading)

    ended = await stage.play("p", sessions, BEFORE_THE_INSERT_IS_COMMITTED)

    assert not ended.contended
    assert ended.wrong == ("b is unassigned",)


@pytest.mark.parametrize(
    ("function", "come"),
    [("generations_number_before_insert", insert), ("generations_renumber_before_move", move_here)],
)
async def test_when_a_trigger_does_not_lock_what_it_sees_the_row_out_of_an_older_snapshot_is_lost(
    stage: Stage, function: str, come: Insert
) -> None:
    await stage.change_function(function, LOCK, "")
    sessions = await come_out_of_an_older_snapshot(stage, await stage.stepped(), "p", come=come)

    ended = await stage.play("p", sessions, IN_AN_OLDER_SNAPSHOT)

    assert ended.played.errors == {}
    assert ended.wrong == ("b is unassigned",)


async def test_when_an_empty_project_that_was_locked_is_not_written_the_row_out_of_an_older_snapshot_is_lost(
    stage: Stage,
) -> None:
    backfill = await stage.stepped()
    backfill.change("settle", "l.latest_version < 1\n", "false\n")
    sessions = await come_out_of_an_older_snapshot(stage, backfill, "p", remove=MOVE_AWAY)

    ended = await stage.play("p", sessions, IN_AN_OLDER_SNAPSHOT)

    assert ended.played.errors == {}
    assert ended.wrong == ("b is unassigned",)
