"""A transaction that raises latest_version reserves the numbers up to it for what it inserts afterwards."""

from __future__ import annotations

import asyncpg
import pytest

from tests.migrations.support import RAISE, Application


@pytest.mark.parametrize("order", ["bcd", "dcb", "cdb"])
@pytest.mark.parametrize("project_first", [True, False])
async def test_numbers_of_one_transaction_are_kept_in_any_order(
    application: Application, order: str, *, project_first: bool
) -> None:
    await application.add_settled_project("p", "a")
    asked = dict(zip("bcd", (2, 3, 4), strict=True))

    async with application.connection.transaction():
        if project_first:
            await application.connection.execute(RAISE, "p", 4)
        for name in order:
            await application.add_as_next_release(name, "p", version=asked[name])
        await application.connection.execute(RAISE, "p", 4)

    assert await application.versions(*"bcd") == [2, 3, 4]
    assert await application.latest_version("p") == 4


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("save raise back insert:2", {"g1": 2}),
        ("save raise back raise insert:2", {"g1": 2}),
        ("raise save insert:2 back insert:2", {"g2": 2}),
        ("raise save insert:2 release insert:2", {"g1": 2, "g2": 3}),
        ("save raise release save insert:2 back insert:2", {"g2": 2}),
        ("save insert:2 back raise insert:2", {"g2": 2}),
        ("save raise insert:2 back insert:2 raise insert:3", {"g2": 2, "g3": 3}),
        ("save save raise release back insert:1", {"g1": 2}),
        ("raise save insert:2 back insert:1", {"g2": 3}),
    ],
)
async def test_a_rollback_to_a_savepoint_takes_back_what_it_reserved_and_what_it_used(
    application: Application, steps: str, expected: dict[str, int]
) -> None:
    await application.add_settled_project("p", "a")
    simple = {"save": "SAVEPOINT s", "back": "ROLLBACK TO s; RELEASE s", "release": "RELEASE s"}

    async with application.connection.transaction():
        inserted = 0
        for step in steps.split():
            if step == "raise":
                await application.connection.execute(RAISE, "p", 2)
            elif step in simple:
                await application.connection.execute(simple[step])
            else:
                inserted += 1
                await application.add_as_next_release(f"g{inserted}", "p", version=int(step[-1]))

    rows = await application.connection.fetch("SELECT id, version FROM generations WHERE id <> 'a'")
    assert {row["id"]: row["version"] for row in rows} == expected
    assert await application.latest_version("p") == max(expected.values())


async def test_an_error_inside_a_savepoint_gives_the_number_back(application: Application) -> None:
    await application.add_settled_project("p", "a")

    async with application.connection.transaction():
        await application.connection.execute(RAISE, "p", 2)
        with pytest.raises(asyncpg.UniqueViolationError):
            async with application.connection.transaction():
                await application.add_as_next_release("a", "p", version=2)
        await application.add_as_next_release("b", "p", version=2)

    assert await application.version("b") == 2


async def test_a_number_is_kept_for_one_generation_only(application: Application) -> None:
    await application.add_settled_project("p", "a")

    async with application.connection.transaction():
        await application.connection.execute(RAISE, "p", 2)
        await application.add_as_next_release("b", "p", version=2)
        await application.add_as_next_release("c", "p", version=2)

    assert await application.versions(*"bc") == [2, 3]


async def test_what_the_trigger_raised_for_another_generation_is_not_reserved(application: Application) -> None:
    await application.add_settled_project("p", "a")

    async with application.connection.transaction():
        await application.add("b", "p")
        await application.add_as_next_release("c", "p", version=2)

    assert await application.versions(*"bc") == [2, 3]


async def test_what_a_project_reserves_is_for_its_own_generations(application: Application) -> None:
    await application.add_settled_project("p", "a")
    await application.add_settled_project("q", "b", "c")

    async with application.connection.transaction():
        await application.connection.execute(RAISE, "p", 2)
        await application.add_as_next_release("d", "q", version=2)

    assert await application.version("d") == 3


async def test_nothing_is_reserved_beyond_the_transaction(application: Application) -> None:
    await application.add_settled_project("p", "a")
    await application.connection.execute(RAISE, "p", 2)

    await application.add_as_next_release("b", "p", version=2)

    assert await application.version("b") == 3


async def test_todays_release_in_a_transaction_that_touches_an_emptied_project_goes_on_counting(
    application: Application,
) -> None:
    await application.add_settled_project("p", "a")
    await application.connection.execute("DELETE FROM generations")

    async with application.connection.transaction():
        await application.connection.execute("UPDATE projects SET status = 'active', latest_version = latest_version")
        await application.add("b", "p")

    assert await application.version("b") == 2


async def test_two_raises_of_one_transaction_reserve_both(application: Application) -> None:
    await application.add_settled_project("p", "a")

    async with application.connection.transaction():
        await application.connection.execute(RAISE, "p", 2)
        await application.connection.execute(RAISE, "p", 4)
        for name, version in (("d", 4), ("b", 2), ("c", 3)):
            await application.add_as_next_release(name, "p", version=version)

    assert await application.versions(*"bcd") == [2, 3, 4]


async def test_todays_release_in_the_same_transaction_takes_numbers_behind_the_reserved_ones(
    application: Application,
) -> None:
    await application.add_settled_project("p", "a")

    async with application.connection.transaction():
        await application.connection.execute(RAISE, "p", 3)
        await application.add("old", "p")
        await application.add_as_next_release("b", "p", version=2)
        await application.add_as_next_release("c", "p", version=3)

    assert await application.versions("b", "c", "old") == [2, 3, 4]


async def test_a_project_and_its_generation_may_be_written_by_one_statement(application: Application) -> None:
    await application.add_settled_project("p", "a")

    await application.connection.execute(
        "WITH raised AS (UPDATE projects SET latest_version = 2 WHERE id = 'p' RETURNING id, latest_version)"
        " INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration, version)"
        " SELECT 'b', id, 'user', 'Build it', 'pending', false, latest_version FROM raised"
    )

    assert await application.version("b") == 2


async def test_an_insert_that_conflicts_reserves_nothing_of_what_others_have_given(application: Application) -> None:
    await application.add_settled_project("p", "a")
    await application.connection.execute("DELETE FROM generations")

    async with application.connection.transaction():
        await application.connection.execute(
            "INSERT INTO projects (id, user_id, name, tech_stack, status, is_public, latest_version)"
            " VALUES ('p', 'user', 'A project', 'fastapi', 'active', false, 1) ON CONFLICT (id) DO NOTHING"
        )
        await application.add("b", "p")

    assert await application.version("b") == 2


async def test_a_number_that_a_conflicting_insert_was_told_is_never_given_twice(application: Application) -> None:
    await application.add_settled_project("p", "a")

    async with application.connection.transaction():
        await application.connection.execute(RAISE, "p", 2)
        await application.connection.execute(
            "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration, version)"
            " VALUES ('a', 'p', 'user', 'Build it better', 'pending', false, 2)"
            " ON CONFLICT (id) DO UPDATE SET version = EXCLUDED.version"
        )
        await application.add_as_next_release("b", "p", version=2)

    assert await application.versions(*"ab") == [2, 3]


async def test_the_highest_number_there_is_can_be_reserved(application: Application) -> None:
    await application.add_settled_project("p", "a")

    async with application.connection.transaction():
        await application.connection.execute(RAISE, "p", 2**31 - 1)
        await application.add_as_next_release("b", "p", version=2**31 - 1)

    assert await application.version("b") == 2**31 - 1


async def test_a_role_that_may_not_read_generations_can_still_raise(application: Application, database: str) -> None:
    role = f"raiser_{database.rpartition('_')[2]}"
    await application.add_project("p")
    await application.connection.execute(f"CREATE ROLE {role}")
    try:
        await application.connection.execute(f"GRANT SELECT (id), UPDATE ON projects TO {role}")
        async with application.connection.transaction():
            await application.connection.execute(f"SET LOCAL ROLE {role}")
            await application.connection.execute(RAISE, "p", 2)

        assert await application.latest_version("p") == 2
    finally:
        await application.connection.execute(f"DROP OWNED BY {role}")
        await application.connection.execute(f"DROP ROLE {role}")


async def test_a_generation_with_a_place_of_its_own_comes_after_those_that_are_numbered(
    application: Application,
) -> None:
    await application.add_unsettled_project("p", "a", "b", "c")
    await application.connection.execute("UPDATE generations SET version = 3, storage_path = 'x' WHERE id = 'a'")

    await application.add_as_next_release("d", "p", version=1)
    await application.add_as_next_release("e", "p", version=7)

    assert await application.versions(*"abcde") == [3, None, None, 4, 7]
    assert await application.latest_version("p") == 0


@pytest.mark.parametrize(("raised_to", "latest", "version"), [(1, 0, 3), (2, 2, 3), (3, 3, 3)])
async def test_a_raise_of_a_project_that_lacks_the_last_step_gives_no_number_twice(
    application: Application, raised_to: int, latest: int, version: int
) -> None:
    await application.add_unsettled_project("p", "a", "b")
    await application.connection.execute(
        "UPDATE generations SET version = CASE id WHEN 'a' THEN 1 ELSE 2 END, storage_path = 'x'"
    )

    async with application.connection.transaction():
        await application.connection.execute(RAISE, "p", raised_to)
        assert await application.latest_version("p") == latest
        await application.add_as_next_release("c", "p", version=raised_to)

    assert await application.version("c") == version


async def test_a_transaction_that_has_noted_very_much_counts_on_instead(application: Application) -> None:
    await application.add_settled_project("p", "a")

    async with application.connection.transaction():
        await application.connection.execute(
            "SELECT set_config('backfill.reserved_' || (hashtext('p') & 255),"
            " json_build_object(repeat('x', 30000), '{}')::text, true)"
        )
        await application.connection.execute(RAISE, "p", 2)
        await application.add_as_next_release("b", "p", version=2)

    assert await application.version("b") == 3
