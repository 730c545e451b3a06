"""`generation-sizes`: files and bytes of what a row has in `output_files`."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.runs.states import State
from tests.support.defined import LIMITS, to_its_end
from tests.support.filed import FILES, Filed
from tests.support.in_process import InProcessRun
from worker.files import generation_sizes


async def test_files_and_bytes_are_counted_where_nobody_has_yet(
    run: InProcessRun, engine: AsyncEngine, filed: Filed
) -> None:
    await filed.add("p", "some", 1, FILES)
    await filed.add("p", "none", 2, {})
    await filed.add("p", "null", 3)
    await filed.add("p", "known", 4, FILES)
    await filed.sql.execute("UPDATE generations SET file_count = 9, total_size_bytes = 99 WHERE id = 'known'")
    await filed.sql.execute("UPDATE generations SET output_files = 'null' WHERE id = 'null'")

    ended = await to_its_end(run, generation_sizes.bound(engine, LIMITS))

    rows = await filed.sql.fetch("SELECT id, file_count, total_size_bytes FROM generations ORDER BY version")
    bytes_of_all = sum(len(text.encode()) for text in FILES.values())
    counted = [("some", 3, bytes_of_all), ("none", 0, 0), ("null", 0, None), ("known", 9, 99)]
    assert [tuple(row) for row in rows] == counted
    assert (ended.state, ended.counts.rows_written) == (State.SUCCEEDED, 2)


async def test_what_is_no_object_of_texts_is_quarantined_with_the_reason(
    run: InProcessRun, engine: AsyncEngine, filed: Filed
) -> None:
    outputs = [{"a": 7}, ["a"], {"a": "\ud800"}, {"a": {"b": "c"}}]
    for version, output in enumerate(outputs, start=1):
        await filed.add("p", f"g{version}", version, output)

    ended = await to_its_end(run, generation_sizes.bound(engine, LIMITS))

    assert {unit.unit_id: unit.error for unit in ended.quarantined} == {
        "g1": "the function refused the row: the content of a file is no text",
        "g2": "the function refused the row: output_files is no object of paths and contents",
        "g3": "the function refused the row: the content of a file is no text",
        "g4": "the function refused the row: the content of a file is no text",
    }
