"""The migration creates the trigger on inserts while the application has written rows that nobody sees yet.

Guarded by CREATE TRIGGER, which waits for all open writers, and by no run beginning before the trigger is there.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.interleaved_cases import Stage, migration_sql
from tests.support.interleaving import ClientSession, Session
from tests.support.stepped_backfill import SteppedBackfill

TRIGGER = "generations_number_before_insert"
SETTLE = "backfill begin, backfill lock_projects, backfill lock_generations, backfill settle, backfill commit"


@pytest.fixture
async def backfill(stage: Stage) -> SteppedBackfill:
    await stage.drop_trigger(TRIGGER)
    return await stage.stepped()


async def insert_create_and_settle(stage: Stage, backfill: SteppedBackfill) -> Sequence[Session]:
    await stage.rows.add_project("p")
    await stage.rows.add("p", ("p-a", "completed", 1), ("p-c", "completed", 3))
    insert = stage.session("application", stage.first, insert=lambda: stage.first.add("p-b", "p", minute=2))
    create = migration_sql(f"trigger_{TRIGGER}")
    migration = ClientSession(
        "migration", stage.second.connection, {"create": lambda: stage.second.connection.execute(create)}
    )
    return insert, migration, backfill.settle("p")


async def test_it_waits_for_the_open_writer_whose_row_is_then_numbered_in_order(
    stage: Stage, backfill: SteppedBackfill
) -> None:
    sessions = await insert_create_and_settle(stage, backfill)

    ended = await stage.play("p", sessions, f"application insert, migration create, application commit, {SETTLE}")

    assert ended.played.waited == ("migration create",)
    assert ended.is_right
    assert ended.versions == {"a": 1, "b": 2, "c": 3}


async def test_a_run_that_begins_before_it_is_there_loses_the_row(stage: Stage, backfill: SteppedBackfill) -> None:
    sessions = await insert_create_and_settle(stage, backfill)

    ended = await stage.play("p", sessions, f"application insert, {SETTLE}, application commit, migration create")

    assert ended.wrong == ("b is unassigned",)


async def test_no_run_begins_before_it_is_there(stage: Stage, backfill: SteppedBackfill) -> None:
    findings = await backfill.backfill.check_schema()

    assert [(one.rule, one.is_error, one.examples) for one in findings] == [
        ("triggers", True, (f"generations.{TRIGGER} missing",))
    ]
