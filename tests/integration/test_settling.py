"""Settling whole projects: numbers, storage paths, the active flag, and what live traffic holds locked."""

from __future__ import annotations

import asyncio

import asyncpg

from tests.support.old_rows import OldRows
from worker.generations.backfill import GenerationVersions


async def test_rows_are_numbered_by_created_at(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.add_project("p")
    await rows.add("p", ("c", "completed", 3), ("a", "pending", 2), ("b", "failed", 1))

    settled = await backfill.settle(["p"])

    assert settled.written == 3
    assert await rows.versions("p") == {"b": 1, "a": 2, "c": 3}
    assert await rows.project("p") == (3, "c")
    assert await rows.flagged("p") == ["c"]


async def test_ties_are_broken_by_id(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.add_project("p")
    await rows.add("p", ("b", "completed", 1), ("a", "completed", 1), ("c", "failed", 1))

    await backfill.settle(["p"])

    assert await rows.versions("p") == {"a": 1, "b": 2, "c": 3}
    assert (await rows.project("p"))[1] == "b"


async def test_the_storage_path_is_the_flat_place_of_the_old_application(
    rows: OldRows, backfill: GenerationVersions
) -> None:
    await rows.add_project("p")
    await rows.add("p", ("g", "completed", 1))

    await backfill.settle(["p"])

    path = await rows.connection.fetchval("SELECT storage_path FROM generations WHERE id = 'g'")
    assert path == "./storage/projects/g"


async def test_settling_again_writes_nothing(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.add_project("p")
    await rows.add("p", ("a", "completed", 1), ("b", "completed", 2))
    await backfill.settle(["p"])
    before = await rows.connection.fetch(
        "SELECT id, xmin, ctid FROM generations UNION SELECT id, xmin, ctid FROM projects"
    )

    settled = await backfill.settle(["p"])

    after = await rows.connection.fetch(
        "SELECT id, xmin, ctid FROM generations UNION SELECT id, xmin, ctid FROM projects"
    )
    assert settled.written == 0
    assert after == before


async def test_assigned_rows_keep_their_numbers_and_late_ones_follow(
    rows: OldRows, backfill: GenerationVersions
) -> None:
    await rows.add_project("p")
    await rows.add("p", ("b", "failed", 5), ("c", "completed", 6))
    await backfill.settle(["p"])
    await rows.add("p", ("a", "completed", 1))

    await backfill.settle(["p"])

    assert await rows.versions("p") == {"b": 1, "c": 2, "a": 3}
    assert await rows.project("p") == (3, "c")


async def test_a_number_freed_by_a_delete_is_not_given_again(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.add_project("p")
    await rows.add("p", ("a", "failed", 1), ("b", "failed", 2))
    await backfill.settle(["p"])
    await rows.connection.execute("DELETE FROM generations WHERE id = 'b'")
    await rows.add("p", ("c", "failed", 3))

    await backfill.settle(["p"])

    assert await rows.versions("p") == {"a": 1, "c": 3}


async def test_a_late_row_becomes_active_only_if_it_is_newer(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.add_project("p")
    await rows.add("p", ("b", "completed", 5))
    await backfill.settle(["p"])
    await rows.add("p", ("a", "completed", 1), ("c", "completed", 9))

    await backfill.settle(["p"])

    assert (await rows.project("p"))[1] == "c"
    assert await rows.flagged("p") == ["c"]


async def test_the_applications_own_choice_of_an_older_active_generation_stands(
    rows: OldRows, backfill: GenerationVersions
) -> None:
    await rows.add_project("p")
    await rows.add("p", ("a", "completed", 1), ("b", "completed", 2), ("c", "completed", 3))
    await backfill.settle(["p"])
    await rows.connection.execute("UPDATE generations SET is_active = id = 'b'")
    await rows.connection.execute("UPDATE projects SET active_generation_id = 'b'")
    await rows.add("p", ("late", "completed", 0))

    await backfill.settle(["p"])

    assert (await rows.project("p"))[1] == "b"
    assert await rows.flagged("p") == ["b"]


async def test_a_project_without_completed_generations_has_no_active_one(
    rows: OldRows, backfill: GenerationVersions
) -> None:
    await rows.add_project("p")
    await rows.add("p", ("a", "failed", 1), ("b", "processing", 2))

    await backfill.settle(["p"])

    assert await rows.project("p") == (2, None)
    assert await rows.flagged("p") == []


async def test_a_locked_project_is_contended_and_the_others_are_settled(
    rows: OldRows, backfill: GenerationVersions, application: asyncpg.Connection
) -> None:
    for project_id in ("busy", "calm"):
        await rows.add_project(project_id)
        await rows.add(project_id, (f"{project_id}-1", "completed", 1))

    async with application.transaction():
        await application.execute("UPDATE projects SET status = 'active' WHERE id = 'busy'")
        settled = await asyncio.wait_for(backfill.settle(["busy", "calm"]), timeout=5)

    assert settled.contended == {"busy"}
    assert await rows.project("busy") == (0, None)
    assert await rows.project("calm") == (1, "calm-1")


async def test_a_locked_generation_makes_only_its_own_project_contended(
    rows: OldRows, backfill: GenerationVersions, application: asyncpg.Connection
) -> None:
    for project_id in ("busy", "calm"):
        await rows.add_project(project_id)
        await rows.add(project_id, (f"{project_id}-1", "completed", 1), (f"{project_id}-2", "pending", 2))

    async with application.transaction():
        await application.execute("UPDATE generations SET error_message = 'x' WHERE id = 'busy-2'")
        settled = await asyncio.wait_for(backfill.settle(["busy", "calm"]), timeout=5)

    assert settled.contended == {"busy"}
    assert await rows.unassigned("busy") == ["busy-1", "busy-2"]
    assert await rows.versions("calm") == {"calm-1": 1, "calm-2": 2}


async def test_a_project_that_was_emptied_since_the_page_was_read_is_not_contended(
    rows: OldRows, backfill: GenerationVersions
) -> None:
    await rows.add_project("p")

    settled = await backfill.settle(["p"])

    assert settled.contended == frozenset()
    assert settled.written == 0


async def test_every_other_column_stays_as_the_application_wrote_it(
    rows: OldRows, backfill: GenerationVersions
) -> None:
    await rows.add_project("p")
    await rows.add("p", ("a", "completed", 1), ("b", "failed", 2))
    others = (
        "SELECT to_jsonb(t) - ARRAY['version', 'storage_path', 'is_active', 'latest_version', 'active_generation_id']"
        " FROM generations AS t UNION ALL SELECT to_jsonb(t) - ARRAY['latest_version', 'active_generation_id']"
        " FROM projects AS t ORDER BY 1"
    )
    before = await rows.connection.fetch(others)

    await backfill.settle(["p"])

    assert await rows.connection.fetch(others) == before
