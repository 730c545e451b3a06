"""What a run finds of the files when it is over, what it mends by itself, and what it only says."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.engine.checking import check_everything
from backfill.runs.errors import Unreachable
from backfill.runs.findings import Finding
from backfill.runs.states import State
from tests.support.defined import LIMITS, to_its_end
from tests.support.filed import FILES, Filed
from tests.support.in_process import InProcessRun
from worker.files import generation_files
from worker.files.storage.marker import MARKER


@pytest.fixture
async def two(run: InProcessRun, engine: AsyncEngine, filed: Filed) -> Filed:
    """Two versions of one project, brought over from flat folders; the second one is active."""
    await filed.add("p", "one", 1)
    await filed.add("p", "two", 2)
    filed.put_flat("one", FILES)
    filed.put_flat("two", {**FILES, "main.py": "print('two')\n"})
    await filed.activate("p", "two")
    assert (await to_its_end(run, generation_files.bound(engine, LIMITS))).state is State.SUCCEEDED
    return filed


async def found(engine: AsyncEngine) -> dict[str, tuple[int, bool]]:
    """Breaches by rule, and whether they are errors."""
    _, findings = await check_everything(generation_files.bound(engine, LIMITS))
    return as_counts(findings)


def as_counts(findings: Sequence[Finding]) -> dict[str, tuple[int, bool]]:
    return {finding.rule: (finding.count, finding.is_error) for finding in findings if finding.rule != "statistics"}


async def test_what_was_brought_over_breaks_no_rule_and_a_second_run_writes_nothing(
    run: InProcessRun, engine: AsyncEngine, two: Filed
) -> None:
    rows = await two.sql.fetch("SELECT xmin, ctid FROM generations")
    await run.enqueue()

    ended = await to_its_end(run, generation_files.bound(engine, LIMITS))

    assert (await found(engine), ended.counts.rows_written) == ({}, 0)
    assert await two.sql.fetch("SELECT xmin, ctid FROM generations") == rows


async def test_each_rule_is_found_broken_where_it_is_and_the_next_run_mends_what_it_can(
    run: InProcessRun, engine: AsyncEngine, two: Filed
) -> None:
    first, second = two.folder("p", 1, "one"), two.folder("p", 2, "two")
    (second / "source" / "main.py").unlink()
    (second / "diff_from_v1.patch").unlink()
    active = first.parent / "active"
    active.unlink()
    active.symlink_to("v1__one")
    (first.parent / "v7__gone").mkdir()
    (two.root / "gone-project" / "generations" / "v1__gone").mkdir(parents=True)
    await two.add("q", "three", 1, FILES)
    await two.add("q", "nothing", 2)

    assert await found(engine) == {
        "folder": (1, True),
        "patch": (1, False),
        "active_link": (1, False),
        "left": (1, True),
        "nothing": (1, False),
        "orphans": (2, False),
    }
    await run.enqueue()
    ended = await to_its_end(run, generation_files.bound(engine, LIMITS))

    assert ended.state is State.SUCCEEDED
    assert await found(engine) == {"nothing": (1, False), "orphans": (2, False)}
    assert (second / "source" / "main.py").read_text() == "print('two')\n"


async def test_what_the_application_has_just_written_is_no_error_and_the_next_run_brings_it_over(
    run: InProcessRun, engine: AsyncEngine, two: Filed
) -> None:
    await two.add("p", "young", 3, FILES)
    await two.sql.execute("UPDATE generations SET updated_at = now() WHERE id = 'young'")

    assert await found(engine) == {"late": (1, False)}
    await run.enqueue()
    await to_its_end(run, generation_files.bound(engine, LIMITS))

    assert await found(engine) == {}


async def test_a_flat_copy_that_was_written_to_afterwards_is_brought_over_again(
    run: InProcessRun, engine: AsyncEngine, two: Filed
) -> None:
    path = two.root / "one" / "main.py"
    path.write_text("print('again')\n")
    later = time.time() + 10
    os.utime(path, (later, later))

    assert await found(engine) == {"stale": (1, True)}
    await run.enqueue()
    await to_its_end(run, generation_files.bound(engine, LIMITS))

    assert await found(engine) == {}
    assert (two.folder("p", 1, "one") / "source" / "main.py").read_text() == "print('again')\n"


async def test_a_folder_that_is_gone_with_all_copies_is_an_error_and_the_row_stays(
    run: InProcessRun, engine: AsyncEngine, two: Filed
) -> None:
    shutil.rmtree(two.folder("p", 1, "one"))
    shutil.rmtree(two.root / "one")
    before = (await two.row("one"))["storage_path"]
    await run.enqueue()

    ended = await to_its_end(run, generation_files.bound(engine, LIMITS))

    assert (ended.state, (await two.row("one"))["storage_path"]) == (State.FAILED, before)
    assert (await found(engine))["folder"] == (1, True)


async def test_rows_whose_versions_are_checked_keep_their_new_path(two: Filed, engine: AsyncEngine) -> None:
    from worker.generations.backfill import GenerationVersions

    versions = GenerationVersions(engine, LIMITS)
    await versions.settle(["p"])
    _, findings = await check_everything(versions)

    assert {finding.rule for finding in findings if finding.is_error} == set()
    assert (await two.row("one"))["storage_path"] == "storage/projects/p/generations/v1__one"


async def test_without_its_marker_nothing_is_taken_for_empty(
    run: InProcessRun, engine: AsyncEngine, two: Filed
) -> None:
    (two.root / MARKER).unlink()
    await two.add("q", "three", 1, FILES)
    backfill = generation_files.bound(engine, LIMITS)

    with pytest.raises(Unreachable, match="is not marked as the folder of the files"):
        await backfill.settle(["three"])
    with pytest.raises(Unreachable):
        await backfill.check_page(None, None, units=10)

    assert (await two.row("three"))["storage_path"] == "./storage/projects/three"
