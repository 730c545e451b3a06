from __future__ import annotations

import asyncpg
import pytest

from tests.migrations.support import RAISE, Application, flat_path


async def test_a_generation_that_moves_to_a_settled_project_gets_its_next_number(application: Application) -> None:
    await application.add_settled_project("from", "a", "b")
    await application.add_settled_project("to", "c", "d", "e")

    await _move(application, "a", "to")

    assert await application.version("a") == 4
    assert await application.latest_version("to") == 4
    assert await application.latest_version("from") == 2


async def test_an_unassigned_generation_that_moves_to_a_settled_project_is_assigned(application: Application) -> None:
    await application.add_unsettled_project("from", "a")
    await application.add_settled_project("to", "b")

    await _move(application, "a", "to")

    assert await application.version("a") == 2
    assert await application.storage_path("a") == flat_path("a")


async def test_an_empty_project_counts_from_one_whatever_moves_in(application: Application) -> None:
    await application.add_settled_project("from", "a", "b", "c")
    await application.add_project("to")

    await application.connection.execute("UPDATE generations SET project_id = 'to' WHERE id <> 'a'")

    assert sorted([await application.version("b") or 0, await application.version("c") or 0]) == [1, 2]
    assert await application.latest_version("to") == 2


async def test_a_generation_that_moves_to_an_unsettled_project_is_unassigned_again(application: Application) -> None:
    await application.add_settled_project("from", "a", "b")
    await application.add_unsettled_project("to", "c")

    await _move(application, "b", "to")

    assert await application.version("b") is None
    assert await application.latest_version("to") == 0


async def test_a_storage_path_of_its_own_is_kept_even_in_an_unsettled_project(application: Application) -> None:
    await application.add_settled_project("from", "a")
    await application.connection.execute("UPDATE generations SET storage_path = './storage/own/a'")
    await application.add_unsettled_project("to", "b", "c")
    await application.connection.execute("UPDATE generations SET storage_path = 'x', version = 4 WHERE id = 'b'")

    await _move(application, "a", "to")

    assert await application.storage_path("a") == "./storage/own/a"
    assert await application.version("a") == 5
    assert await application.latest_version("to") == 0


async def test_with_a_path_of_its_own_it_is_number_one_where_nothing_is_assigned_yet(application: Application) -> None:
    await application.add_settled_project("from", "a", "b")
    await application.connection.execute("UPDATE generations SET storage_path = './storage/own/b' WHERE id = 'b'")
    await application.add_unsettled_project("to", "c")

    await _move(application, "b", "to")

    assert await application.version("b") == 1


async def test_the_project_that_an_active_generation_leaves_has_none(application: Application) -> None:
    await application.add_settled_project("from", "a")
    await application.add_settled_project("to", "b")
    await application.complete("a")
    await application.complete("b")

    await _move(application, "a", "to")

    assert await application.active("from") is None
    assert await application.active("to") == "b"


async def test_a_writer_that_counts_for_itself_passes(application: Application) -> None:
    await application.add_settled_project("from", "a")
    await application.add_settled_project("to", "b")

    await application.connection.execute("UPDATE generations SET project_id = 'to', version = 9 WHERE id = 'a'")

    assert await application.version("a") == 9
    assert await application.latest_version("to") == 9


async def test_a_writer_that_activates_for_itself_passes(application: Application) -> None:
    await application.add_settled_project("from", "a")
    await application.add_settled_project("to", "b")

    async with application.connection.transaction():
        await application.connection.execute(
            "UPDATE generations SET project_id = 'to', is_active = true WHERE id = 'a'"
        )
        await application.connection.execute("UPDATE projects SET active_generation_id = 'a' WHERE id = 'to'")

    assert await application.active("to") == "a"


async def test_an_update_that_names_the_same_project_is_no_move(application: Application) -> None:
    await application.add_settled_project("p", "a", "b")
    await application.complete("b")

    await _move(application, "b", "p")

    assert await application.version("b") == 2
    assert await application.active("p") == "b"


async def test_a_move_to_no_project_is_refused_by_the_foreign_key(application: Application) -> None:
    await application.add_settled_project("p", "a")

    with pytest.raises(asyncpg.ForeignKeyViolationError, match="generations_project_id_fkey"):
        await _move(application, "a", "nowhere")


async def _move(application: Application, generation_id: str, project_id: str) -> None:
    await application.connection.execute(
        "UPDATE generations SET project_id = $2 WHERE id = $1", generation_id, project_id
    )


@pytest.mark.parametrize(
    ("raised_to", "asked", "given"),
    [(3, 3, 3), (3, 1, 4), (2, 2, 3), (2, 7, 7), (4, 3, 3), (3, 2, 4)],
    ids=["reserved", "its own number", "taken", "above", "one of two", "taken though raised"],
)
async def test_a_move_with_a_number_of_the_writer_keeps_it_unless_it_was_given(
    application: Application, raised_to: int, asked: int, given: int
) -> None:
    await application.add_settled_project("from", "a")
    await application.add_settled_project("to", "b", "c")

    async with application.connection.transaction():
        await application.connection.execute(RAISE, "to", raised_to)
        await application.connection.execute(
            "UPDATE generations SET project_id = 'to', version = $1 WHERE id = 'a'", asked
        )

    assert await application.version("a") == given
    assert await application.latest_version("to") == max(given, raised_to)


async def test_a_move_uses_its_number_up(application: Application) -> None:
    await application.add_settled_project("from", "a")
    await application.add_settled_project("to", "b")

    async with application.connection.transaction():
        await application.connection.execute(RAISE, "to", 2)
        await application.connection.execute("UPDATE generations SET project_id = 'to', version = 2 WHERE id = 'a'")
        await application.add_as_next_release("c", "to", version=2)

    assert await application.versions(*"ac") == [2, 3]


async def test_a_move_to_a_project_that_is_half_numbered_gives_no_number_twice(application: Application) -> None:
    await application.add_settled_project("from", "a")
    await application.connection.execute("UPDATE generations SET storage_path = 'own'")
    await application.add_unsettled_project("to", "b", "c")
    await application.connection.execute("UPDATE generations SET version = 5, storage_path = 'x' WHERE id = 'b'")

    await application.connection.execute("UPDATE generations SET project_id = 'to', version = 5 WHERE id = 'a'")

    assert await application.versions(*"ab") == [6, 5]
