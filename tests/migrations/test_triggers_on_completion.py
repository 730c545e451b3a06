from __future__ import annotations

import pytest

from tests.migrations.support import Application, at_minute


async def test_a_generation_that_completes_becomes_the_active_one(application: Application) -> None:
    await application.add_settled_project("p", "a", "b")

    await application.complete("a")
    assert await application.active("p") == "a"

    await application.complete("b")
    assert await application.active("p") == "b"


async def test_an_older_generation_that_completes_later_does_not_replace_a_newer_one(application: Application) -> None:
    await application.add_settled_project("p", "a", "b")
    await application.complete("b")

    await application.complete("a")

    assert await application.active("p") == "b"


async def test_of_two_created_at_the_same_moment_the_greater_id_is_newer(application: Application) -> None:
    await application.add_project("p")
    await application.add("y", "p", "completed", minute=5)
    await application.add("z", "p", minute=5)
    await application.add("x", "p", minute=5)

    await application.complete("x")
    assert await application.active("p") == "y"

    await application.complete("z")
    assert await application.active("p") == "z"


async def test_a_generation_inserted_as_completed_becomes_the_active_one(application: Application) -> None:
    await application.add_settled_project("p", "a")

    await application.add("b", "p", "completed", minute=9)

    assert await application.active("p") == "b"


@pytest.mark.parametrize("status", ["pending", "processing", "failed"])
async def test_no_other_status_activates(application: Application, status: str) -> None:
    await application.add_settled_project("p", "a")

    await application.connection.execute("UPDATE generations SET status = $1", status)
    await application.add("b", "p", status)

    assert await application.active("p") is None


async def test_several_that_complete_in_one_statement_leave_the_newest_active(application: Application) -> None:
    await application.add_project("p")
    for generation_id, minute in (("a", 2), ("b", 9), ("c", 5)):
        await application.add(generation_id, "p", minute=minute)

    await application.connection.execute("UPDATE generations SET status = 'completed'")

    assert await application.active("p") == "b"


async def test_completing_in_a_project_that_is_not_settled_activates_nothing(application: Application) -> None:
    await application.add_unsettled_project("p", "a", "b")

    await application.complete("a")

    assert await application.active("p") is None


async def test_completing_an_assigned_row_of_a_project_that_is_settled_in_parts_activates_nothing_yet(
    application: Application,
) -> None:
    await application.add_unsettled_project("p", "a", "b")
    await application.connection.execute("UPDATE generations SET storage_path = './storage/projects/a' WHERE id = 'a'")

    await application.complete("a")

    assert await application.active("p") is None


async def test_a_row_that_is_unassigned_in_a_settled_project_is_left_to_the_backfill(application: Application) -> None:
    await application.add_unsettled_project("p", "a")
    await application.connection.execute("UPDATE projects SET latest_version = 1")

    await application.complete("a")

    assert await application.active("p") is None


async def test_completing_again_changes_nothing(application: Application) -> None:
    await application.add_settled_project("p", "a")
    await application.complete("a")
    before = await application.connection.fetchval("SELECT xmin::text FROM projects")

    await application.complete("a")

    assert await application.active("p") == "a"
    assert await application.connection.fetchval("SELECT xmin::text FROM projects") == before


async def test_only_becoming_completed_activates_not_being_written_as_completed_again(application: Application) -> None:
    await application.add_settled_project("p", "a", "b")
    await application.complete("a")
    await application.complete("b")
    await application.connection.execute("DELETE FROM generations WHERE id = 'b'")

    await application.complete("a")

    assert await application.active("p") is None


async def test_a_statement_that_sets_the_storage_path_activates_for_itself(application: Application) -> None:
    await application.add_settled_project("p", "a")

    await application.connection.execute(
        "UPDATE generations SET status = 'completed', storage_path = './storage/own/a' WHERE id = 'a'"
    )

    assert await application.active("p") is None


async def test_an_insert_with_a_place_of_its_own_activates_for_itself(application: Application) -> None:
    await application.add_settled_project("p", "a")
    await application.complete("a")

    await application.connection.execute(
        "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration, created_at, storage_path)"
        " VALUES ('b', 'p', 'user', 'Build it', 'completed', false, $1, './storage/own/b')",
        at_minute(9),
    )

    assert await application.active("p") == "a"


async def test_the_next_release_inserts_and_activates_for_itself(application: Application) -> None:
    await application.add_settled_project("p", "a")
    await application.complete("a")

    async with application.connection.transaction():
        await application.connection.execute("UPDATE generations SET is_active = false WHERE id = 'a'")
        await application.connection.execute(
            "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration, created_at,"
            " version, storage_path, is_active)"
            " VALUES ('b', 'p', 'user', 'Build it', 'completed', false, $1, 2, './storage/own/b', true)",
            at_minute(9),
        )
        await application.connection.execute(
            "UPDATE projects SET latest_version = 2, active_generation_id = 'b' WHERE id = 'p'"
        )

    assert await application.active("p") == "b"
    assert await application.version("b") == 2


async def test_a_project_whose_active_generation_is_deleted_has_none(application: Application) -> None:
    await application.add_settled_project("p", "a")
    await application.complete("a")

    await application.connection.execute("DELETE FROM generations WHERE id = 'a'")

    assert await application.active("p") is None


async def test_what_the_backfill_writes_calls_no_trigger(application: Application) -> None:
    await application.add_unsettled_project("p", "a")
    await application.connection.execute("SET track_functions = 'pl'")

    async with application.connection.transaction():
        await application.connection.execute("SELECT set_config('backfill.settles', 'on', true)")
        await application.connection.execute(
            "UPDATE generations SET version = 1, storage_path = './storage/projects/a', is_active = false"
        )
        await application.connection.execute("UPDATE projects SET latest_version = 1, active_generation_id = NULL")
        called = await application.connection.fetchval("SELECT count(*) FROM pg_stat_xact_user_functions")

    assert called == 0
