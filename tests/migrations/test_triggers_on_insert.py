from __future__ import annotations

import asyncpg
import pytest

from tests.migrations.support import Application, at_minute, flat_path


async def test_the_first_generation_of_a_project_is_number_one(application: Application) -> None:
    await application.add_project("p")

    await application.add("g", "p")

    assert await application.version("g") == 1
    assert await application.storage_path("g") == flat_path("g")
    assert await application.latest_version("p") == 1


async def test_the_next_generation_of_a_settled_project_gets_the_next_number(application: Application) -> None:
    await application.add_settled_project("p", "a", "b")

    await application.add("c", "p")

    assert [await application.version(one) for one in "abc"] == [1, 2, 3]
    assert await application.latest_version("p") == 3


async def test_a_generation_of_a_project_that_is_not_settled_is_left_to_the_backfill(application: Application) -> None:
    await application.add_unsettled_project("p", "a")

    await application.add("b", "p", "completed")

    assert await application.version("b") is None
    assert await application.latest_version("p") == 0
    assert await application.active("p") is None


async def test_numbers_freed_by_deletes_are_not_given_out_again(application: Application) -> None:
    await application.add_settled_project("p", "a", "b")
    await application.connection.execute("DELETE FROM generations WHERE id = 'b'")

    await application.add("c", "p")

    assert await application.version("c") == 3


async def test_a_project_that_lost_all_its_generations_goes_on_counting(application: Application) -> None:
    await application.add_settled_project("p", "a")
    await application.connection.execute("DELETE FROM generations")

    await application.add("b", "p")

    assert await application.version("b") == 2


async def test_rows_of_one_statement_are_numbered_in_turn(application: Application) -> None:
    await application.add_project("p")
    await application.add_settled_project("q", "q1")

    await application.connection.execute(
        "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration)"
        " SELECT p.id || n, p.id, 'user', 'Build it', 'pending', false"
        " FROM projects AS p, generate_series(10, 12) AS n ORDER BY n, p.id"
    )

    assert [await application.version(f"p{n}") for n in (10, 11, 12)] == [1, 2, 3]
    assert [await application.version(f"q{n}") for n in (10, 11, 12)] == [2, 3, 4]


async def test_a_project_and_its_generation_may_come_in_one_statement(application: Application) -> None:
    await application.connection.execute(
        "WITH made AS (INSERT INTO projects (id, user_id, name, tech_stack, status, is_public)"
        " VALUES ('p', 'user', 'A project', 'fastapi', 'active', false) RETURNING id)"
        " INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration)"
        " SELECT 'g', made.id, 'user', 'Build it', 'pending', false FROM made"
    )

    assert await application.version("g") == 1


async def test_rows_of_a_copy_are_numbered_in_turn(application: Application) -> None:
    await application.add_project("p")
    columns = ["id", "project_id", "user_id", "prompt", "status", "is_iteration", "created_at"]

    await application.connection.copy_records_to_table(
        "generations",
        columns=columns,
        records=[(f"g{n}", "p", "user", "Build it", "completed", False, at_minute(n)) for n in range(1, 4)],
    )

    assert [await application.version(f"g{n}") for n in (1, 2, 3)] == [1, 2, 3]
    assert await application.active("p") == "g3"


async def test_an_insert_that_conflicts_changes_no_generation(application: Application) -> None:
    await application.add_settled_project("p", "a")

    await application.connection.execute(
        "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration)"
        " VALUES ('a', 'p', 'user', 'Build it better', 'pending', false) ON CONFLICT (id) DO NOTHING"
    )
    await application.connection.execute(
        "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration)"
        " VALUES ('a', 'p', 'user', 'Build it better', 'pending', false)"
        " ON CONFLICT (id) DO UPDATE SET prompt = EXCLUDED.prompt"
    )

    assert await application.version("a") == 1
    await application.add("b", "p")
    assert (await application.version("b") or 0) > 1


async def test_a_generation_of_no_project_is_refused_by_the_foreign_key(application: Application) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="generations_project_id_fkey"):
        await application.add("g", "nowhere")


async def test_a_number_that_the_writer_counted_itself_is_kept(application: Application) -> None:
    await application.add_settled_project("p", "a")

    await application.add_as_next_release("b", "p", version=2)
    await application.add_as_next_release("c", "p", version=7)

    assert [await application.version(one) for one in "bc"] == [2, 7]
    assert await application.storage_path("b") == "./storage/own/b"
    assert await application.latest_version("p") == 7


async def test_a_number_that_is_taken_is_counted_on(application: Application) -> None:
    await application.add_settled_project("p", "a", "b")

    await application.add_as_next_release("c", "p", version=2)

    assert await application.version("c") == 3


async def test_what_the_next_release_writes_into_an_unsettled_project_is_left_alone(application: Application) -> None:
    await application.add_unsettled_project("p", "a")

    await application.add_as_next_release("b", "p", version=5)

    assert await application.version("b") == 5
    assert await application.latest_version("p") == 0


async def test_latest_version_is_never_lowered(application: Application) -> None:
    await application.add_settled_project("p", "a", "b", "c")

    await application.connection.execute("UPDATE projects SET latest_version = 2")
    assert await application.latest_version("p") == 3

    await application.connection.execute("UPDATE projects SET latest_version = 9")
    assert await application.latest_version("p") == 9


async def test_a_role_that_may_only_write_generations_can_still_insert(application: Application, database: str) -> None:
    role = f"writer_{database.rpartition('_')[2]}"
    await application.add_settled_project("p", "a")
    await application.connection.execute(f"CREATE ROLE {role}")
    try:
        await application.connection.execute(f"GRANT INSERT ON generations TO {role}")
        async with application.connection.transaction():
            await application.connection.execute(f"SET LOCAL ROLE {role}")
            await application.add("b", "p", "completed", minute=9)

        assert await application.version("b") == 2
        assert await application.active("p") == "b"
    finally:
        await application.connection.execute(f"DROP OWNED BY {role}")
        await application.connection.execute(f"DROP ROLE {role}")
