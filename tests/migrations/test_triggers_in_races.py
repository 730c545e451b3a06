from __future__ import annotations

import asyncio

from tests.migrations.support import Application, backend_waits
from tests.support.waiting import wait_until


async def test_two_inserts_at_once_get_two_numbers(application: Application, second: Application) -> None:
    await application.add_settled_project("p", "a")

    async with application.connection.transaction():
        await application.add("b", "p")
        other = asyncio.create_task(second.add("c", "p"))
        await _until_waiting(application, second)
    await other

    assert [await application.version(one) for one in "bc"] == [2, 3]
    assert await application.latest_version("p") == 3


async def test_two_first_inserts_at_once_get_two_numbers(application: Application, second: Application) -> None:
    await application.add_project("p")

    async with application.connection.transaction():
        await application.add("a", "p")
        other = asyncio.create_task(second.add("b", "p"))
        await _until_waiting(application, second)
    await other

    assert [await application.version(one) for one in "ab"] == [1, 2]


async def test_an_insert_whose_forerunner_rolls_back_takes_its_number(
    application: Application, second: Application
) -> None:
    await application.add_settled_project("p", "a")

    transaction = application.connection.transaction()
    await transaction.start()
    await application.add("b", "p")
    other = asyncio.create_task(second.add("c", "p"))
    await _until_waiting(application, second)
    await transaction.rollback()
    await other

    assert await application.version("c") == 2


async def test_two_inserts_of_the_next_release_that_counted_alike_get_two_numbers(
    application: Application, second: Application
) -> None:
    await application.add_settled_project("p", "a")

    async with application.connection.transaction():
        await application.add_as_next_release("b", "p", version=2)
        other = asyncio.create_task(second.add_as_next_release("c", "p", version=2))
        await _until_waiting(application, second)
        await application.connection.execute("UPDATE projects SET latest_version = 2")
    await other
    await second.connection.execute("UPDATE projects SET latest_version = 2")

    assert [await application.version(one) for one in "bc"] == [2, 3]
    assert await application.latest_version("p") == 3


async def test_an_insert_that_waited_for_the_backfill_is_numbered_after_its_rows(
    application: Application, second: Application
) -> None:
    await application.add_unsettled_project("p", "a", "b")

    async with application.connection.transaction():
        await _settle_as_backfill(application, "p", "a", "b")
        other = asyncio.create_task(second.add("c", "p"))
        await _until_waiting(application, second)
    await other

    assert await application.version("c") == 3


async def test_a_completion_that_waited_for_the_backfill_is_decided_by_the_settled_project(
    application: Application, second: Application
) -> None:
    await application.add_unsettled_project("p", "a", "b")

    async with application.connection.transaction():
        await _settle_as_backfill(application, "p", "a", "b")
        other = asyncio.create_task(second.complete("b"))
        await _until_waiting(application, second)
    await other

    assert await application.active("p") == "b"


async def test_a_completion_of_a_row_done_in_an_earlier_part_waits_for_the_last_part(
    application: Application, second: Application
) -> None:
    await application.add_unsettled_project("p", "a", "b")
    await application.connection.execute("UPDATE generations SET storage_path = './storage/projects/a' WHERE id = 'a'")

    async with application.connection.transaction():
        await _settle_as_backfill(application, "p", "b", first=2)
        other = asyncio.create_task(second.complete("a"))
        await _until_waiting(application, second)
    await other

    assert await application.active("p") == "a"


async def test_two_completions_at_once_leave_the_newer_one_active(
    application: Application, second: Application
) -> None:
    await application.add_settled_project("p", "a", "b")

    async with application.connection.transaction():
        await application.complete("b")
        other = asyncio.create_task(second.complete("a"))
        await _until_waiting(application, second)
    await other

    assert await application.active("p") == "b"


async def test_an_edit_of_the_active_generation_and_then_its_project_does_not_deadlock_with_a_completion(
    application: Application, second: Application
) -> None:
    await application.add_settled_project("p", "a", "b")
    await application.complete("a")

    async with application.connection.transaction():
        await application.connection.execute("UPDATE generations SET quality_score = 1 WHERE id = 'a'")
        other = asyncio.create_task(second.complete("b"))
        await _until_waiting(application, second)
        await application.connection.execute("UPDATE projects SET status = 'edited' WHERE id = 'p'")
    await other

    assert await application.active("p") == "b"


async def test_an_edit_of_a_project_and_then_its_active_generation_does_not_deadlock_with_a_completion(
    application: Application, second: Application
) -> None:
    await application.add_settled_project("p", "a", "b")
    await application.complete("a")

    async with application.connection.transaction():
        await application.connection.execute("UPDATE projects SET status = 'edited' WHERE id = 'p'")
        other = asyncio.create_task(second.complete("b"))
        await _until_waiting(application, second)
        await application.connection.execute("UPDATE generations SET quality_score = 1 WHERE id = 'a'")
    await other

    assert await application.active("p") == "b"


async def test_a_delete_of_the_active_generation_does_not_deadlock_with_a_completion(
    application: Application, second: Application
) -> None:
    await application.add_settled_project("p", "a", "b")
    await application.complete("a")

    async with application.connection.transaction():
        await application.connection.execute("SELECT FROM generations WHERE id = 'a' FOR UPDATE")
        other = asyncio.create_task(second.complete("b"))
        await _until_waiting(application, second)
        await application.connection.execute("DELETE FROM generations WHERE id = 'a'")
    await other

    assert await application.active("p") == "b"


async def test_a_move_that_waited_for_an_insert_is_numbered_after_it(
    application: Application, second: Application
) -> None:
    await application.add_settled_project("p", "a")
    await application.add_settled_project("q", "b")

    async with application.connection.transaction():
        await application.add("c", "p")
        other = asyncio.create_task(second.connection.execute("UPDATE generations SET project_id = 'p' WHERE id = 'b'"))
        await _until_waiting(application, second)
    await other

    assert [await application.version(one) for one in "acb"] == [1, 2, 3]


async def test_moves_in_opposite_directions_do_not_deadlock(application: Application, second: Application) -> None:
    await application.add_settled_project("p", "a")
    await application.add_settled_project("q", "b")
    move = "UPDATE generations SET project_id = $2 WHERE id = $1"

    async with application.connection.transaction():
        await application.connection.execute("SELECT FROM projects WHERE id = 'p' FOR NO KEY UPDATE")
        other = asyncio.create_task(second.connection.execute(move, "b", "p"))
        await _until_waiting(application, second)
        await application.connection.execute(move, "a", "q")
    await other

    assert [await application.version(one) for one in "ab"] == [2, 2]


async def test_an_insert_does_not_wait_for_a_plain_update_of_another_project(
    application: Application, second: Application
) -> None:
    await application.add_settled_project("p", "a")
    await application.add_settled_project("q", "b")

    async with application.connection.transaction():
        await application.add("c", "p")
        await asyncio.wait_for(second.add("d", "q"), timeout=5)

    assert await application.version("d") == 2


async def _until_waiting(observer: Application, waiting: Application) -> None:
    async def waits() -> bool:
        return await backend_waits(observer.connection, waiting.connection.get_server_pid())

    await wait_until(waits)


async def _settle_as_backfill(application: Application, project_id: str, *generation_ids: str, first: int = 1) -> None:
    """Locks, then writes, as the backfill's transaction does; it commits with the caller's."""
    await application.connection.execute("SELECT FROM projects WHERE id = $1 FOR NO KEY UPDATE", project_id)
    for version, generation_id in enumerate(generation_ids, first):
        await application.connection.execute(
            "UPDATE generations SET version = $2, storage_path = './storage/projects/' || id WHERE id = $1",
            generation_id,
            version,
        )
    latest = first + len(generation_ids) - 1
    await application.connection.execute("UPDATE projects SET latest_version = $2 WHERE id = $1", project_id, latest)
