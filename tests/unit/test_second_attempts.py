"""What this project's own settings of pytest make of a test that fails at first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CONFIGURATION = Path(__file__).parents[2] / "pyproject.toml"
FAILS_AT_FIRST = """
import subprocess

from tests.support.waiting import in_time

attempts = []

def shown():
    raise AssertionError("Locator expected to be visible")

def ended():
    subprocess.run(["sleep", "10"], timeout=0.1)

def test_it():
    attempts.append(1)
    assert len(attempts) > 1 or {claim}
"""


@pytest.mark.parametrize(
    ("claim", "outcome"),
    [
        ("in_time(2.0, 1.0)", "1 passed, 1 rerun"),
        ("ended()", "1 passed, 1 rerun"),
        ("shown()", "1 passed, 1 rerun"),
        ("'this row' == 'that row'", "1 failed"),
    ],
    ids=["late", "a command that is late", "late on a page", "wrong"],
)
def test_what_was_late_is_tried_once_more_and_what_was_wrong_is_not(tmp_path: Path, claim: str, outcome: str) -> None:
    (tmp_path / "test_it.py").write_text(FAILS_AT_FIRST.format(claim=claim))

    done = subprocess.run(
        (sys.executable, "-m", "pytest", "-q", "-c", str(CONFIGURATION), f"--rootdir={tmp_path}", str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
        cwd=CONFIGURATION.parent,
    )

    assert outcome in done.stdout.splitlines()[-1], done.stdout
