"""Many rows of one statement: their project is written a few times and not for each row; numbers are as ever."""

from __future__ import annotations

import asyncpg
import pytest

from tests.migrations.support import Application

ROWS = 200
MANY = (
    "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration)"
    " SELECT $1::text || lpad(CAST(n AS text), 3, '0'), $2, 'user', 'Build it', $3, false"
    " FROM generate_series($4::integer, $5::integer, $6::integer) AS n"
)
TWICE = MANY.replace("n AS text", "n % 4 AS text")
MORE = f"WITH more AS ({MANY} RETURNING id)"
INSERT_AND_MOVE = (
    f"{MORE}, moved AS (UPDATE generations SET project_id = 'p' WHERE project_id = 'q' RETURNING id),"  # noqa: S608 - MANY
    " again AS (INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration)"
    " SELECT 'z' || id, 'p', 'user', 'Build it', 'pending', false FROM moved)"
    " SELECT count(*) FROM more, moved"
)
INSERT_AND_RAISE = f"{MORE} UPDATE projects SET latest_version = (SELECT 4 + count(*) FROM more) WHERE id = $2"  # noqa: S608 - MANY
FIRST_TO_LAST, LAST_TO_FIRST = (1, ROWS, 1), (ROWS, 1, -1)
# Of the projects, by this transaction.
WRITES = "SELECT n_tup_upd FROM pg_stat_xact_user_tables WHERE relname = 'projects'"
NUMBERS = "SELECT version FROM generations WHERE project_id = $1 ORDER BY version"


async def numbers(application: Application, project_id: str) -> list[int]:
    return [row["version"] for row in await application.connection.fetch(NUMBERS, project_id)]


@pytest.mark.parametrize("status", ["pending", "completed"])
@pytest.mark.parametrize("order", [FIRST_TO_LAST, LAST_TO_FIRST])
async def test_their_project_is_not_written_for_each_of_them(
    application: Application, status: str, order: tuple[int, int, int]
) -> None:
    await application.add_settled_project("p", "a")

    async with application.connection.transaction():
        await application.connection.execute(MANY, "g", "p", status, *order)
        writes = await application.connection.fetchval(WRITES)

    assert writes < 10
    assert await numbers(application, "p") == list(range(1, ROWS + 2))
    assert await application.latest_version("p") == ROWS + 1
    assert await application.version(f"g{order[0]:03}") == 2, "in the order in which they came"
    assert await application.active("p") == (f"g{ROWS:03}" if status == "completed" else None)


async def test_those_that_are_completed_among_others_make_the_newest_of_them_active(application: Application) -> None:
    await application.add_settled_project("p", "a")

    await application.connection.execute(
        "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration, storage_path)"
        " SELECT 'g' || n, 'p', 'user', 'Build it', (ARRAY['completed', 'failed'])[1 + n % 2], false,"
        " CASE WHEN n > 15 THEN './storage/own/' || n END FROM generate_series(10, 19) AS n"
    )

    assert await application.active("p") == "g14", "later ones have a place of their own: their release activates them"
    active = await application.connection.fetch("SELECT id FROM generations WHERE is_active")
    assert [row["id"] for row in active] == ["g14"]


async def test_after_a_rollback_to_a_savepoint_the_next_go_on_from_what_is_left(application: Application) -> None:
    await application.add_settled_project("p", "a")

    async with application.connection.transaction():
        await application.connection.execute(MANY, "g", "p", "pending", 1, 5, 1)
        await application.connection.execute("SAVEPOINT s")
        await application.connection.execute(MANY, "h", "p", "pending", 1, 5, 1)
        await application.connection.execute("ROLLBACK TO s")
        await application.connection.execute(MANY, "i", "p", "pending", 1, 5, 1)
    await application.add("last", "p")

    assert await numbers(application, "p") == list(range(1, 13))
    assert await application.latest_version("p") == 12


async def test_a_statement_that_fails_leaves_nothing_to_the_next_one(application: Application) -> None:
    await application.add_settled_project("p", "a")

    async with application.connection.transaction():
        await application.connection.execute("SAVEPOINT s")
        with pytest.raises(asyncpg.UniqueViolationError):
            await application.connection.execute(TWICE, "g", "p", "pending", 1, 5, 1)
        await application.connection.execute("ROLLBACK TO s")
        await application.connection.execute(MANY, "h", "p", "pending", 1, 5, 1)

    assert await numbers(application, "p") == [1, 2, 3, 4, 5, 6]
    assert await application.latest_version("p") == 6


async def test_no_number_is_given_twice_where_one_statement_inserts_moves_and_raises(application: Application) -> None:
    await application.add_settled_project("p", "a", "b")
    await application.add_settled_project("q", "c", "d", "e")

    async with application.connection.transaction():
        await application.connection.execute(INSERT_AND_MOVE, "g", "p", "pending", 1, 5, 1)
        await application.add("later", "p")

    assert await numbers(application, "p") == list(range(1, 15))
    assert await application.latest_version("p") == 14


async def test_what_a_writer_reserves_in_the_same_statement_is_kept_apart(application: Application) -> None:
    await application.add_settled_project("p", "a")

    async with application.connection.transaction():
        await application.connection.execute("UPDATE projects SET name = 'Written before' WHERE id = 'p'")
        await application.connection.execute(INSERT_AND_RAISE, "g", "p", "pending", 1, 3, 1)
        reserved = await application.latest_version("p")
        await application.add_as_next_release("own", "p", version=reserved)
        await application.add("later", "p")

    found = await numbers(application, "p")
    assert len(found) == len(set(found))
    assert await application.version("own") == reserved
    assert await application.latest_version("p") == max(found)
