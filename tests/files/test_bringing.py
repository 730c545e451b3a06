"""Files come into the folder of their project and version, whatever they lie in now, and rows follow them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.runs.states import State
from tests.support.defined import LIMITS, to_its_end
from tests.support.filed import FILES, Filed, as_bytes, contents
from tests.support.in_process import InProcessRun
from worker.files import generation_files

SIZE = sum(len(text.encode()) for text in FILES.values())


async def test_a_folder_a_zip_and_output_files_come_over_and_the_flat_copies_stay(
    run: InProcessRun, engine: AsyncEngine, filed: Filed
) -> None:
    for version, generation_id in enumerate(("flat", "zipped", "json", "nothing"), start=1):
        await filed.add("p", generation_id, version, FILES if generation_id == "json" else None)
    await filed.add("p", "unfinished", 5, FILES, status="processing")
    filed.put_flat("flat", FILES)
    filed.put_zip("zipped", FILES)

    ended = await to_its_end(run, generation_files.bound(engine, LIMITS))

    assert (ended.state, ended.counts.rows_written) == (State.SUCCEEDED, 3)
    for version, generation_id in enumerate(("flat", "zipped", "json"), start=1):
        folder, row = filed.folder("p", version, generation_id), await filed.row(generation_id)
        assert contents(folder / "source") == as_bytes(FILES)
        assert row["storage_path"] == f"storage/projects/p/generations/v{version}__{generation_id}"
        assert (row["file_count"], row["total_size_bytes"]) == (3, SIZE)
    assert contents(filed.root / "flat") == as_bytes(FILES)
    assert (filed.root / "zipped.zip").exists()
    for generation_id in ("nothing", "unfinished"):
        assert (await filed.row(generation_id))["storage_path"] == f"./storage/projects/{generation_id}"
    assert not list((filed.root / "p" / "generations").glob(".*"))


async def test_the_manifest_is_the_applications(run: InProcessRun, engine: AsyncEngine, filed: Filed) -> None:
    await filed.add("p", "g", 1, FILES)

    await to_its_end(run, generation_files.bound(engine, LIMITS))

    text = (filed.folder("p", 1, "g") / "manifest.json").read_text(encoding="utf-8")
    manifest = json.loads(text)
    created_at = (await filed.row("g"))["created_at"].isoformat()
    assert manifest.pop("created_at")
    assert manifest == {
        "generation_id": "g",
        "project_id": "p",
        "version": 1,
        "file_count": 3,
        "total_size_bytes": SIZE,
        "files": sorted(FILES),
        "metadata": {"prompt": "Build it", "created_at": created_at},
    }
    assert text.startswith('{\n  "generation_id"')


async def test_a_patch_leads_from_each_version_to_the_next_and_the_link_to_the_active_one(
    run: InProcessRun, engine: AsyncEngine, filed: Filed
) -> None:
    await filed.add("p", "one", 1, {"main.py": "a\nb\n", "gone.py": "old\n"})
    await filed.add("p", "two", 2, {"main.py": "a\nc\n", "new.py": "new"})
    await filed.add("p", "nothing", 3)
    await filed.add("p", "four", 4, FILES)
    await filed.activate("p", "two")

    ended = await to_its_end(run, generation_files.bound(engine, LIMITS))

    assert ended.state is State.SUCCEEDED
    row = await filed.row("two")
    assert row["diff_from_previous"] == "storage/projects/p/generations/v2__two/diff_from_v1.patch"
    summary = json.loads(row["changes_summary"])
    assert summary.pop("diff_created_at")
    assert summary == {"from_version": 1, "to_version": 2}
    patch = (filed.folder("p", 2, "two") / "diff_from_v1.patch").read_text(encoding="utf-8")
    assert "-b\n+c\n" in patch
    assert "+new\n\\ No newline at end of file\n" in patch
    assert "-old\n" in patch
    # Nothing was brought over of the version before.
    assert (await filed.row("four"))["diff_from_previous"] is None
    assert (filed.root / "p" / "generations" / "active").readlink() == Path("v2__two")


async def test_a_generation_that_moves_to_another_project_is_brought_along_from_where_it_was(
    run: InProcessRun, engine: AsyncEngine, filed: Filed
) -> None:
    await filed.add("p", "g", 1)
    folder = filed.put_flat("g", FILES)
    await filed.add("q", "other", 1, FILES)
    backfill = generation_files.bound(engine, LIMITS)
    await to_its_end(run, backfill)
    shutil.rmtree(folder)

    await filed.sql.execute("UPDATE generations SET project_id = 'q' WHERE id = 'g'")
    await run.enqueue()
    ended = await to_its_end(run, backfill)

    assert (ended.state, ended.counts.rows_written) == (State.SUCCEEDED, 1)
    assert (await filed.row("g"))["storage_path"] == "storage/projects/q/generations/v2__g"
    assert contents(filed.folder("q", 2, "g") / "source") == as_bytes(FILES)
