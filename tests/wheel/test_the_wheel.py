"""What is in the wheel: the library with everything that it reads beside its modules, and nothing of the service."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY


def files_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_library_is_the_only_package_in_the_wheel(wheel: Path) -> None:
    top_level = {name.split("/")[0] for name in files_in(wheel)}

    packages = {name for name in top_level if not name.endswith(".dist-info")}
    assert (packages, len(top_level)) == ({"backfill"}, 2)


def test_every_file_of_the_library_is_in_the_wheel(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "backfill"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("git does not say what belongs to the checkout")
    known = {name for name in listed.stdout.split("\0") if name and (REPOSITORY / name).is_file()}

    assert {Path(name).suffix for name in known} >= {".py", ".sql", ".lua", ".html", ".css", ".js", ".typed"}
    assert {name for name in files_in(wheel) if name.startswith("backfill/")} == known
