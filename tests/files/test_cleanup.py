"""`generation-files-cleanup`: flat copies go where what was brought over is the same, and only when it is asked for."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions.parameters import accepted
from backfill.runs.errors import InvalidParameters
from backfill.runs.states import State
from tests.support.defined import LIMITS, to_its_end
from tests.support.filed import FILES, Filed, as_bytes, contents
from tests.support.in_process import InProcessRun
from worker.files import generation_files, generation_files_cleanup
from worker.files.cleaning import CleanupParameters


async def test_flat_copies_go_that_are_the_same_to_the_last_byte_and_others_stay(
    run: InProcessRun, engine: AsyncEngine, filed: Filed
) -> None:
    for version, generation_id in enumerate(("folder", "zipped", "both", "changed", "zip-differs"), start=1):
        await filed.add("p", generation_id, version)
    for generation_id in ("folder", "both", "changed", "zip-differs"):
        filed.put_flat(generation_id, FILES)
    filed.put_zip("zipped", FILES)
    filed.put_zip("both", FILES)
    filed.put_zip("zip-differs", {"main.py": "other"})
    await filed.add("p", "not-brought", 6, status="processing")
    filed.put_flat("not-brought", FILES)
    await to_its_end(run, generation_files.bound(engine, LIMITS))
    (filed.root / "changed" / "main.py").write_text("print('HELLO')\n")
    await run.enqueue()

    cleanup = generation_files_cleanup.bound(engine, LIMITS, CleanupParameters(confirm=True))
    ended = await to_its_end(run, cleanup)

    assert ended.state is State.FAILED
    assert {unit.unit_id: unit.error for unit in ended.quarantined} == {
        "changed": "the function refused the row: its flat folder is not what was brought over",
        "zip-differs": "the function refused the row: its zip is not what was brought over",
    }
    assert {path.name for path in filed.root.iterdir()} == {
        ".codebegen-files",
        "p",
        "changed",
        "zip-differs.zip",
        "not-brought",
    }
    assert contents(filed.folder("p", 1, "folder") / "source") == as_bytes(FILES)


def test_it_is_refused_without_a_yes() -> None:
    for given in ({}, {"confirm": False}):
        with pytest.raises(InvalidParameters, match="give --confirm"):
            accepted(CleanupParameters, given)
