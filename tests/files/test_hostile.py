"""What nobody should have put there: that row is quarantined with the reason, and nothing is written outside."""

from __future__ import annotations

import errno
import os
import stat
import zipfile
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions import Refused
from backfill.runs.states import State
from tests.support.defined import LIMITS, to_its_end
from tests.support.filed import FILES, Filed, contents
from tests.support.in_process import InProcessRun
from worker.files import generation_files
from worker.files.folders import told
from worker.files.names import checked_names

LEAVES, ABSOLUTE = "the path of a file leaves its folder", "the path of a file is absolute"
DRIVE, CASE = "the path of a file has a drive letter or a backslash", "names of files differ only by case"
LINK = "there is a symbolic link among its files"

PATHS = {
    LEAVES: [["../out.py"], ["a/../../out.py"], ["a/.."]],
    ABSOLUTE: [["/etc/passwd"], ["//host/share"]],
    DRIVE: [["C:/out.py"], ["c:out.py"], ["..\\out.py"]],
    "the name of a file has a NUL in it": [["a\0b"]],
    "the name of a file is too long": [["n" * 256], ["ä" * 128], ["/".join(["deep"] * 300)]],
    "the name of a file is no text": [["\ud800"]],
    "a file has no name": [[""], ["."]],
    CASE: [["a.py", "A.py"], ["straße", "STRASSE"], ["caf\u00e9", "cafe\u0301"]],
    "names of folders differ only by case": [["a/x", "A/y"]],
    "a path is a file and a folder": [["a", "a/b"], ["A/b", "a"]],
    "a path is there twice": [["a/b", "a//b"], ["./a", "a"]],
}

REASONS = {
    "leaves": LEAVES,
    "case": CASE,
    "no-text": "the content of a file is no text",
    "link": LINK,
    "linked-folder": LINK,
    "is-link": "there is a file or a symbolic link where a folder should be",
    "pipe": "there is something among its files that is no file",
    "slip": LEAVES,
    "no-zip": "its zip is damaged",
    "zip-link": LINK,
}


@pytest.mark.parametrize(("reason", "paths"), [(reason, paths) for reason, all_ in PATHS.items() for paths in all_])
def test_a_path_that_could_be_another_one_is_refused_and_never_quoted(reason: str, paths: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        checked_names(paths)

    assert str(refused.value) == reason


def test_more_files_than_a_generation_has_are_refused() -> None:
    with pytest.raises(Refused, match="it has more than 50000 files"):
        checked_names(f"f{number}" for number in range(100_000))


async def test_hostile_rows_are_quarantined_and_nothing_is_written_for_them(
    run: InProcessRun, engine: AsyncEngine, filed: Filed
) -> None:
    outside = filed.root.parent / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    await filed.add("p", "good", 1, FILES)
    await filed.add("p", "leaves", 2, {"../../../outside/new.txt": "x"})
    await filed.add("p", "case", 3, {"a.py": "", "A.py": ""})
    await filed.add("p", "no-text", 4, {"a.py": 7})
    await filed.add("p", "link", 5)
    (filed.put_flat("link", {"a.py": ""}) / "link.py").symlink_to(outside / "secret.txt")
    await filed.add("p", "linked-folder", 6)
    (filed.put_flat("linked-folder", {"a.py": ""}) / "more").symlink_to(outside)
    await filed.add("p", "is-link", 7)
    (filed.root / "is-link").symlink_to(outside)
    await filed.add("p", "pipe", 8)
    os.mkfifo(filed.put_flat("pipe", {"a.py": ""}) / "pipe")
    await filed.add("p", "slip", 9)
    filed.put_zip("slip", {"../../outside/new.txt": "x"})
    await filed.add("p", "no-zip", 10)
    (filed.root / "no-zip.zip").write_bytes(b"PK, but no more")
    await filed.add("p", "zip-link", 11)
    _zip_with_a_link(filed.root / "zip-link.zip")

    ended = await to_its_end(run, generation_files.bound(engine, LIMITS))

    assert ended.state is State.FAILED
    reasons = {unit.unit_id: unit.error.removeprefix("the function refused the row: ") for unit in ended.quarantined}
    assert reasons == REASONS
    assert contents(outside) == {"secret.txt": b"secret"}
    assert [path.name for path in (filed.root / "p" / "generations").iterdir()] == ["v1__good"]


async def test_ids_that_are_no_names_and_folders_that_are_links_lead_nowhere(
    run: InProcessRun, engine: AsyncEngine, filed: Filed
) -> None:
    outside = filed.root.parent / "outside"
    outside.mkdir()
    await filed.add("../outside", "one", 1, FILES)
    await filed.add("linked", "two", 1, FILES)
    (filed.root / "linked").symlink_to(outside)
    await filed.add("p", "../../three", 1, FILES)
    await filed.add("q", "four", 1, FILES)
    (filed.root / "q" / "generations" / "v1__four").mkdir(parents=True)
    (filed.root / "q" / "generations" / "v1__four" / "source").symlink_to(outside)

    ended = await to_its_end(run, generation_files.bound(engine, LIMITS))

    assert ended.state is State.FAILED
    assert {unit.unit_id for unit in ended.quarantined} == {"one", "two", "../../three"}
    assert contents(outside) == {}
    # What was in the way of it is replaced whole.
    assert contents(filed.folder("q", 1, "four") / "source").keys() == FILES.keys()


async def test_a_full_disk_is_the_rows_reason_and_leaves_nothing_of_it_behind(
    run: InProcessRun, engine: AsyncEngine, filed: Filed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in (1, 2, 3):
        await filed.add("p", f"g{version}", version, {"main.py": f"print({version})\n"})
    real = os.write

    def full(descriptor: int, content: bytes) -> int:
        if b"print(2)" in bytes(content):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, content)

    monkeypatch.setattr("worker.files.storage.local.os.write", full)
    ended = await to_its_end(run, generation_files.bound(engine, LIMITS))

    (unit,) = ended.quarantined
    assert (unit.unit_id, unit.error) == ("g2", "the function refused the row: the disk is full")
    kept = {path.name for path in (filed.root / "p" / "generations").iterdir()}
    assert kept == {"v1__g1", "v3__g3"}


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.EROFS, "the disk is read-only"), (errno.ENAMETOOLONG, "the name of a file is too long")],
)
def test_what_the_system_refuses_is_a_reason_without_a_path(number: int, reason: str) -> None:
    with pytest.raises(Refused) as refused, told():
        raise OSError(number, os.strerror(number), "/secret/path")

    assert str(refused.value) == reason


def _zip_with_a_link(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("link.py")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
