"""The next release counts for itself, and the unit of work of its ORM writes projects before their generations.

What depends on the order of a flush is here, in such sessions; test_triggers_on_reserved_numbers.py spells
statements out.
"""

from __future__ import annotations

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from tests.migrations.support import RAISE, Application
from tests.support.next_release import Generation, Project, Sessions, count_up


async def read(session: AsyncSession, project_id: str) -> Project:
    return await session.get_one(Project, project_id)


async def test_a_unit_of_work_writes_the_project_first_and_its_number_is_kept(
    application: Application, sessions: Sessions
) -> None:
    await application.add_settled_project("p", "a")
    statements: list[str] = []

    for name in "bcd":
        async with sessions.begin() as session:
            connection = await session.connection()
            event.listen(connection.sync_connection, "before_cursor_execute", lambda *args: statements.append(args[2]))
            count_up(session, await read(session, "p"), name)

    written = [one.split()[0] for one in statements if not one.startswith("SELECT")]
    assert written == ["UPDATE", "INSERT"] * 3
    assert await application.versions(*"abcd") == [1, 2, 3, 4]
    assert await application.latest_version("p") == 4


async def test_a_unit_of_work_that_writes_the_generation_first_keeps_its_number(
    application: Application, sessions: Sessions
) -> None:
    await application.add_settled_project("p", "a")

    async with sessions.begin() as session:
        project = await read(session, "p")
        session.add(Generation(id="b", user_id="user", project_id="p", version=2))
        await session.flush()
        project.latest_version = 2
        await session.flush()
        count_up(session, project, "c")

    assert await application.versions(*"abc") == [1, 2, 3]
    assert await application.latest_version("p") == 3


async def test_several_generations_of_one_flush_keep_their_numbers(
    application: Application, sessions: Sessions
) -> None:
    await application.add_settled_project("p", "a")

    async with sessions.begin() as session:
        count_up(session, await read(session, "p"), *"bcd")

    assert await application.versions(*"abcd") == [1, 2, 3, 4]


async def test_all_projects_of_a_flush_come_before_all_generations_and_every_number_is_kept(
    application: Application, sessions: Sessions
) -> None:
    names = [f"p'{number} \"é\\" for number in range(300)]
    for name in names:
        await application.add_settled_project(name, f"{name}a")

    async with sessions.begin() as session:
        for name in names:
            count_up(session, await read(session, name), f"{name}b", f"{name}c")

    rows = await application.connection.fetch("SELECT right(id, 1) AS name, version FROM generations")
    assert {(row["name"], row["version"]) for row in rows} == {("a", 1), ("b", 2), ("c", 3)}


async def test_a_project_that_comes_with_its_number_has_its_generation_of_that_number(
    application: Application, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        for name, count in (("p", 1), ("q", 3)):
            project = Project(id=name, user_id="user", latest_version=0)
            session.add(project)
            count_up(session, project, *(f"{name}{number}" for number in range(1, count + 1)))

    assert await application.versions("p1", "q1", "q2", "q3") == [1, 1, 2, 3]
    assert await application.latest_version("q") == 3


async def test_a_project_raised_from_nothing_has_its_first_generation_of_that_number(
    application: Application, sessions: Sessions
) -> None:
    await application.add_project("p")

    async with sessions.begin() as session:
        count_up(session, await read(session, "p"), "a")

    assert await application.version("a") == 1
    assert await application.latest_version("p") == 1


async def test_a_savepoint_between_the_two_changes_nothing(application: Application, sessions: Sessions) -> None:
    await application.add_settled_project("p", "a")

    async with sessions.begin() as session:
        project = await read(session, "p")
        async with session.begin_nested():
            project.latest_version = 2
            await session.flush()
        async with session.begin_nested():
            session.add(Generation(id="b", user_id="user", project_id="p", version=2))

    assert await application.version("b") == 2
    assert await application.latest_version("p") == 2


@pytest.mark.parametrize("isolation_level", ["REPEATABLE READ", "SERIALIZABLE"])
async def test_what_is_tried_again_after_a_serialization_error_keeps_its_new_number(
    application: Application, sessions: Sessions, isolation_level: str
) -> None:
    await application.add_settled_project("p", "a")
    tries: list[str] = []

    for name in ("b", "c"):
        async with sessions() as session:
            _ = await session.connection(execution_options={"isolation_level": isolation_level})
            project = await read(session, "p")
            if not tries:
                await application.add("other", "p")
            count_up(session, project, name)
            try:
                await session.commit()
            except DBAPIError as error:
                tries.append(getattr(error.orig, "sqlstate", ""))

    assert tries == ["40001"]
    assert await application.versions("a", "other", "c") == [1, 2, 3]


async def test_who_reads_stale_and_raises_nothing_does_not_get_a_freed_number(
    application: Application, second: Application, sessions: Sessions
) -> None:
    await application.add_settled_project("p", "a")

    async with sessions.begin() as session:
        project = await read(session, "p")
        await second.connection.execute(RAISE, "p", 2)
        await second.add_as_next_release("freed", "p", version=3)
        await second.connection.execute("DELETE FROM generations WHERE id = 'freed'")
        project.latest_version = 3
        await session.flush()
        session.add(Generation(id="b", user_id="user", project_id="p", version=3))

    assert await application.version("b") == 4


async def test_a_number_read_long_ago_is_counted_on(
    application: Application, second: Application, sessions: Sessions
) -> None:
    await application.add_settled_project("p", "a")

    async with sessions.begin() as session:
        project = await read(session, "p")
        for name in "bcd":
            await second.add(name, "p")
        count_up(session, project, "late")

    assert await application.versions("b", "c", "d", "late") == [2, 3, 4, 5]
    assert await application.latest_version("p") == 5


async def test_a_raise_does_not_settle_a_project_that_has_rows_without_values(
    application: Application, sessions: Sessions
) -> None:
    await application.add_unsettled_project("p", "a", "b")

    async with sessions.begin() as session:
        count_up(session, await read(session, "p"), "c")

    assert await application.latest_version("p") == 0
    assert await application.versions(*"abc") == [None, None, None]
