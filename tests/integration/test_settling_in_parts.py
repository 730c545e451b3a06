"""A project larger than a batch: several transactions, one numbering, whoever does them."""

from __future__ import annotations

import asyncpg
import pytest

from backfill.runs.failures import BatchFailed, Failure
from tests.support.old_rows import OldRows
from worker.generations.backfill import GenerationVersions

PART_ROWS = 10
MOST_PARTS = 50


async def settle_all_parts(backfill: GenerationVersions, mark: str | None = None) -> int:
    """Rows written until the project `p` is finished."""
    written = 0
    for _ in range(MOST_PARTS):
        part = await backfill.settle_part("p", mark, rows=PART_ROWS)
        written += part.written
        mark = part.mark
        if part.finished:
            return written
    raise AssertionError(f"not finished after {MOST_PARTS} parts")


async def test_parts_continue_one_numbering(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.add_project("p")
    await rows.add_many("p", 25)

    written = await settle_all_parts(backfill)

    assert written == 25
    assert list((await rows.versions("p")).items()) == [(f"p-{n:06}", n) for n in range(1, 26)]
    assert await rows.project("p") == (25, "p-000025")
    assert await rows.flagged("p") == ["p-000025"]


async def test_one_part_writes_no_more_than_its_rows_and_leaves_the_project_unsettled(
    rows: OldRows, backfill: GenerationVersions
) -> None:
    await rows.add_project("p")
    await rows.add_many("p", 25)

    part = await backfill.settle_part("p", None, rows=PART_ROWS)

    assert part.written == PART_ROWS
    assert not part.finished
    assert await rows.project("p") == (0, None)
    assert await rows.flagged("p") == []


async def test_a_multiple_of_the_part_ends_as_well(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.add_project("p")
    await rows.add_many("p", 2 * PART_ROWS)

    assert await settle_all_parts(backfill) == 2 * PART_ROWS
    assert await rows.project("p") == (20, "p-000020")


async def test_without_a_mark_the_data_says_where_to_go_on(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.add_project("p")
    await rows.add_many("p", 25)
    await backfill.settle_part("p", None, rows=PART_ROWS)

    await settle_all_parts(backfill, mark=None)

    assert sorted((await rows.versions("p")).values()) == list(range(1, 26))


async def test_a_worker_with_an_old_mark_gives_no_number_twice(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.add_project("p")
    await rows.add_many("p", 45)
    first = await backfill.settle_part("p", None, rows=PART_ROWS)
    second = await backfill.settle_part("p", first.mark, rows=PART_ROWS)

    zombie = await backfill.settle_part("p", first.mark, rows=PART_ROWS)
    await settle_all_parts(backfill, second.mark)

    assert zombie.written == 0
    assert list((await rows.versions("p")).items()) == [(f"p-{n:06}", n) for n in range(1, 46)]


async def test_an_old_mark_gives_no_number_twice_when_a_late_row_follows_it(
    rows: OldRows, backfill: GenerationVersions
) -> None:
    await rows.add_project("p")
    await rows.add_many("p", 45)
    first = await backfill.settle_part("p", None, rows=PART_ROWS)
    second = await backfill.settle_part("p", first.mark, rows=PART_ROWS)
    await rows.add("p", ("late", "completed", 10.5))

    zombie = await backfill.settle_part("p", first.mark, rows=PART_ROWS)
    await settle_all_parts(backfill, second.mark)

    assert zombie.written == 0
    assert list((await rows.versions("p")).values()) == list(range(1, 47))


async def test_a_worker_that_takes_over_leaves_the_marks_of_the_one_before_true(
    rows: OldRows, backfill: GenerationVersions
) -> None:
    await rows.add_project("p")
    await rows.add_many("p", 45)
    first = await backfill.settle_part("p", None, rows=PART_ROWS)
    second = await backfill.settle_part("p", first.mark, rows=PART_ROWS)
    await rows.add("p", ("late", "completed", 10.5))

    await backfill.settle_part("p", None, rows=PART_ROWS)
    await settle_all_parts(backfill, second.mark)

    assert list((await rows.versions("p")).values()) == list(range(1, 47))


@pytest.mark.parametrize("count", [2 * PART_ROWS, 25], ids=["nothing follows", "others follow"])
async def test_a_mark_of_a_part_that_a_failover_has_lost_is_made_anew(
    rows: OldRows, backfill: GenerationVersions, count: int
) -> None:
    await rows.add_project("p")
    await rows.add_many("p", count)
    first = await backfill.settle_part("p", None, rows=PART_ROWS)
    lost = await backfill.settle_part("p", first.mark, rows=PART_ROWS)
    await rows.connection.execute("SET session_replication_role = replica")
    await rows.connection.execute(
        "UPDATE generations SET version = DEFAULT, storage_path = NULL WHERE version > $1", PART_ROWS
    )

    written = await settle_all_parts(backfill, lost.mark)

    assert written == count - PART_ROWS
    assert list((await rows.versions("p")).items()) == [(f"p-{n:06}", n) for n in range(1, count + 1)]


async def test_a_late_row_does_not_hold_up_a_worker_that_begins_anew(
    rows: OldRows, backfill: GenerationVersions
) -> None:
    await rows.add_project("p")
    await rows.add_many("p", 25)
    await backfill.settle_part("p", None, rows=PART_ROWS)
    await rows.add("p", ("late", "completed", 0.5))

    await settle_all_parts(backfill, mark=None)

    versions = await rows.versions("p")
    assert versions["late"] == 26
    assert sorted(versions.values()) == list(range(1, 27))


async def test_a_row_that_is_committed_late_behind_the_mark_gets_the_next_number(
    rows: OldRows, backfill: GenerationVersions
) -> None:
    await rows.add_project("p")
    await rows.add_many("p", 25)
    part = await backfill.settle_part("p", None, rows=PART_ROWS)
    await rows.add("p", ("late", "completed", 0.5))

    await settle_all_parts(backfill, part.mark)

    versions = await rows.versions("p")
    assert versions["late"] == 26
    assert sorted(versions.values()) == list(range(1, 27))
    assert await rows.project("p") == (26, "p-000025")


async def test_a_project_that_only_lacks_the_last_step_gets_it(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.add_project("p")
    await rows.add_many("p", 12)
    await settle_all_parts(backfill)
    await rows.connection.execute("UPDATE generations SET is_active = false")
    await rows.connection.execute("ALTER TABLE projects DISABLE TRIGGER projects_latest_version_before_update")
    await rows.connection.execute("UPDATE projects SET latest_version = 0, active_generation_id = NULL")

    written = await settle_all_parts(backfill)

    assert written == 0
    assert await rows.project("p") == (12, "p-000012")
    assert await rows.flagged("p") == ["p-000012"]


async def test_what_the_next_release_writes_too_early_gets_no_number_twice(
    rows: OldRows, backfill: GenerationVersions
) -> None:
    await rows.add_project("p")
    await rows.add_many("p", 25)
    await backfill.settle_part("p", None, rows=PART_ROWS)
    async with rows.connection.transaction():
        await rows.connection.execute("UPDATE projects SET latest_version = 1 WHERE id = 'p'")
        await rows.connection.execute(
            "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration, version, storage_path)"
            " SELECT 'early', 'p', user_id, 'Build it', 'pending', false, 1, './own/early' FROM projects"
        )

    await settle_all_parts(backfill)

    versions = await rows.versions("p")
    assert versions["early"] == 11
    assert sorted(versions.values()) == list(range(1, 27))
    assert (await rows.project("p"))[0] == 26


async def test_an_active_generation_from_an_earlier_part_is_found(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.add_project("p")
    await rows.add("p", *((f"g{n:02}", "completed" if n == 3 else "failed", n) for n in range(1, 26)))

    await settle_all_parts(backfill)

    assert await rows.project("p") == (25, "g03")
    assert await rows.flagged("p") == ["g03"]


async def test_a_locked_row_makes_the_project_contended_and_nothing_is_written(
    rows: OldRows, backfill: GenerationVersions, application: asyncpg.Connection
) -> None:
    await rows.add_project("p")
    await rows.add_many("p", 25)

    async with application.transaction():
        await application.execute("UPDATE generations SET error_message = 'x' WHERE id = 'p-000005'")
        with pytest.raises(BatchFailed) as failed:
            await backfill.settle_part("p", None, rows=PART_ROWS)

    assert failed.value.failure is Failure.CONTENTION
    assert await rows.versions("p") == {}


async def test_a_project_that_was_begun_in_parts_and_ended_whole_counts_each_row_once(
    rows: OldRows, backfill: GenerationVersions
) -> None:
    await rows.add_project("p")
    await rows.add("p", *((f"g{n:02}", "completed" if n == 3 else "failed", n) for n in range(1, 26)))
    part = await backfill.settle_part("p", None, rows=PART_ROWS)

    settled = await backfill.settle(["p"])

    assert (part.written, settled.written) == (PART_ROWS, 15)
    assert await rows.project("p") == (25, "g03")
    assert await rows.flagged("p") == ["g03"]
