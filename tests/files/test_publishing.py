"""A version gets its name while its row holds still, and not at all where the application was faster."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.defined import LIMITS
from tests.support.filed import FILES, Filed, as_bytes, contents
from worker.files import generation_files
from worker.files.backfill import FilesBackfill


def bound_to(engine: AsyncEngine) -> FilesBackfill:
    bound = generation_files.bound(engine, LIMITS)
    assert isinstance(bound, FilesBackfill)
    return bound


async def test_files_that_the_application_writes_anew_are_not_shadowed_by_a_copy_of_the_old_ones(
    engine: AsyncEngine, filed: Filed
) -> None:
    await filed.add("p", "g", 1, FILES)
    filed.put_flat("g", FILES)
    backfill = bound_to(engine)

    called = await backfill.called(["g"])
    await filed.sql.execute("""UPDATE generations SET output_files = '{"main.py": "new"}' WHERE id = 'g'""")
    ready = await backfill.before_writing(called)
    await backfill.dismiss(called)

    assert not ready.news
    assert ready.contended == {"g"}
    assert list((filed.root / "p" / "generations").iterdir()) == []


async def test_a_row_that_somebody_holds_is_contended_and_its_version_has_no_name(
    engine: AsyncEngine, filed: Filed
) -> None:
    await filed.add("p", "held", 1, FILES)
    await filed.add("p", "free", 2, FILES)
    backfill = bound_to(engine)

    async with filed.sql.transaction():
        await filed.sql.execute("SELECT FROM generations WHERE id = 'held' FOR UPDATE")
        settled = await backfill.settle(["held", "free"])

    assert settled.written == 1
    assert settled.contended == {"held"}
    assert not filed.folder("p", 1, "held").exists()
    assert contents(filed.folder("p", 2, "free") / "source") == as_bytes(FILES)


async def test_a_rehearsal_leaves_nothing_on_the_disk(engine: AsyncEngine, filed: Filed) -> None:
    await filed.add("p", "g", 1, FILES)

    rehearsed = await bound_to(engine).rehearse(["g"], weigh=False)

    assert rehearsed.written == 1
    assert list((filed.root / "p" / "generations").iterdir()) == []
