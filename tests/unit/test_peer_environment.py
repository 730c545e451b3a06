"""Which Python the peer of the benchmarks gets, and that it gets one once."""

from __future__ import annotations

from pathlib import Path

import pytest

from backfill.runs.errors import UsageError
from benchmarks import report
from benchmarks.peer_environment import INSTALLED, new_enough_python, peer_python, requirements

OLD, NEW = "#!/bin/sh\nexit 1\n", "#!/bin/sh\nexit 0\n"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that is on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
    return file


def test_the_newest_on_the_path_that_works_is_taken(programs: Path) -> None:
    program(programs, "python3.13", OLD)
    works = program(programs, "python3.12", NEW)

    assert new_enough_python(None) == str(works)


def test_the_one_that_is_named_is_taken(programs: Path) -> None:
    program(programs, "python3.13", NEW)
    named = program(programs, "another", NEW)

    assert new_enough_python(named) == str(named)


@pytest.mark.parametrize("named", ["python3.12", "nowhere"])
def test_one_that_is_named_and_does_not_do_is_told_so(programs: Path, named: str) -> None:
    program(programs, "python3.13", NEW)
    program(programs, "python3.12", OLD)

    with pytest.raises(UsageError, match=rf"{named} is no Python 3\.12 or newer"):
        new_enough_python(programs / named)


def test_without_any_it_is_said_how_to_name_one(programs: Path) -> None:
    with pytest.raises(UsageError, match=r"no python3\.13 and no python3\.12 on the PATH\. Name one: --peer-python"):
        peer_python(None, programs / "environment")


def test_an_environment_is_made_once_for_what_the_extra_names(programs: Path) -> None:
    python = program(programs, "python3.12", NEW)
    folder = programs / "environment"
    folder.mkdir()
    (folder / INSTALLED).write_text("\n".join([str(python), *requirements()]), encoding="utf-8")

    assert peer_python(None, folder) == folder / "bin" / "python"  # which would be missed if it were needed


def test_the_report_names_it_to_the_one_benchmark_that_takes_it() -> None:
    steps = report.steps_of(report.options_from(["--only", "peers", "columns", "--peer-python", "/opt/python3.12"]))

    assert [(one.name, "--peer-python=/opt/python3.12" in one.command(1.0)) for one in steps] == [
        ("columns", False),
        ("peers", True),
    ]
