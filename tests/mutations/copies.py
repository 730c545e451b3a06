"""A copy of the project that may be spoilt, and tests that run in it, on servers that are running already."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.support.commands import REPOSITORY, environment_for

COPIED = ("alembic", "backfill", "config", "scripts", "tests", "worker", "pyproject.toml")
NOT_COPIED = shutil.ignore_patterns(".embedded")
ASSERTED = ("AssertionError", "assert ", "Failed: ", "tests.support.waiting.TooLate")
SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """By the id of a test: `passed`, `failed` by an assertion, or what else became of it in pytest's words."""

    by_test: Mapping[str, str]
    output: str


class Copy:
    """In `folder`. `environment` names the servers for its tests, and templates that need not be made once more."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        outside = {
            name: value for name, value in environment_for().items() if not name.startswith(("PYTEST_", "TEST_"))
        }
        # Before the editable install, which would lead to the original.
        self._environment = outside | {**environment, "PYTHONPATH": str(folder)}
        for name in COPIED:
            source, target = REPOSITORY / name, folder / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=NOT_COPIED)
            else:
                shutil.copy2(source, target)

    def replace(self, file: str, old: str, new: str) -> None:
        path = self._folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} has {text.count(old)} times, and not once: {old}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """With this process's Python."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd or self._folder,
            env=self._environment,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def run_tests(self, *tests: str) -> Outcomes:
        report = self._folder / "report.xml"
        options = (
            "-n0",
            "-q",
            "--reruns=0",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
            f"--rootdir={self._folder}",
        )
        done = self.run("-m", "pytest", *options, *tests)
        assert report.exists(), done.stdout
        cases = ET.parse(report).iter("testcase")  # noqa: S314 - pytest wrote it for us
        return Outcomes(by_test=dict(map(_outcome, cases)), output=done.stdout)


def servers_of_this_session(database_url: str, redis_url: str, **templates: str) -> dict[str, str]:
    """`templates` are URLs of databases, by the name of their fixture in tests/conftest.py."""
    named = {f"TEST_{name.upper()}": url for name, url in templates.items()}
    return {"TEST_DATABASE_URL": database_url, "TEST_REDIS_URL": redis_url, **named}


def _outcome(case: ET.Element) -> tuple[str, str]:
    test = f"{case.attrib['classname'].replace('.', os.sep)}.py::{case.attrib['name']}"
    problem = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
    if problem is None:
        return test, "passed"
    said = problem.attrib.get("message", "")
    asserted = problem.tag == "failure" and said.startswith(ASSERTED)
    return test, "failed" if asserted else f"{problem.tag}: {said.splitlines()[0] if said else ''}"
