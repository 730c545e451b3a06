"""Rules of the tree that no linter has: sizes, who imports what, and what must not be in any file."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_FUNCTION_LINES = 40
LONGEST_MODULE_LINES = 300
MADE_FOLDERS = {"__pycache__", "build", "dist"}

# Put together here, so that this file keeps the rule too.
REGISTRY_HOSTS = [
    ".".join(labels)
    for labels in [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("debian", "org")]
]
MACHINE_PATHS = ["/".join(names) for names in [("", "work", ""), ("", "tmp", "bash_jobs")]]

# What the service is about: its name, its tables and columns, its backfill, its revisions.
OF_THE_SERVICE = re.compile(
    r"codebegen|generation|project|latest_version|storage_path|"
    + "|".join(path.stem.split("_")[0] for path in (ROOT / "alembic" / "versions").glob("*.py")),
    re.IGNORECASE,
)


@cache
def project_files() -> list[Path]:
    """What git has or would take; where git does not answer, every file that is not made by a tool."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True) if git_is_here() else None
    if listing is not None and listing.returncode == 0:
        paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not is_made_by_a_tool(path)]
    return sorted(path for path in paths if path.is_file())


def git_is_here() -> bool:
    return shutil.which("git") is not None and (ROOT / ".git").exists()


def is_made_by_a_tool(path: Path) -> bool:
    folders = path.relative_to(ROOT).parts[:-1]
    return any(folder in MADE_FOLDERS or (folder.startswith(".") and folder != ".ci") for folder in folders)


def python_files(*, below: str = "") -> list[Path]:
    return [path for path in project_files() if path.suffix == ".py" and name_of(path).startswith(below)]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_functions_are_short() -> None:
    too_long = [
        f"{name_of(path)}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in python_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION_LINES
    ]

    assert not too_long, "\n".join(too_long)


def test_modules_are_short() -> None:
    too_long = [
        f"{name_of(path)}: {lines} lines"
        for path in python_files()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_MODULE_LINES
        and not name_of(path).startswith("alembic/versions/")
    ]

    assert not too_long, "\n".join(too_long)


def test_the_alembic_folder_is_no_package() -> None:
    assert [name_of(path) for path in project_files() if name_of(path) == "alembic/__init__.py"] == []


def test_the_rules_of_a_run_need_the_standard_library_only() -> None:
    foreign = [
        f"{name_of(path)}: {module}"
        for path in python_files(below="backfill/runs/")
        for module in imported_modules(path)
        if module.split(".")[0] not in sys.stdlib_module_names and not f"{module}.".startswith("backfill.runs.")
    ]

    assert not foreign, "\n".join(foreign)


def test_the_control_law_needs_the_standard_library_and_the_rules_only() -> None:
    foreign = [
        f"{name_of(path)}: {module}"
        for path in python_files(below="backfill/autopilot/law/")
        for module in imported_modules(path)
        if module.split(".")[0] not in sys.stdlib_module_names
        and not f"{module}.".startswith(("backfill.runs.", "backfill.autopilot.law."))
    ]

    assert not foreign, "\n".join(foreign)


def test_the_library_names_nothing_of_the_service() -> None:
    named = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in project_files()
        if name_of(path).startswith("backfill/")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if OF_THE_SERVICE.search(line)
    ]

    assert not named, "\n".join(named)


def test_the_library_and_the_example_import_nothing_of_the_service() -> None:
    imported = [
        f"{name_of(path)}: {module}"
        for path in python_files(below="backfill/") + python_files(below="examples/")
        for module in imported_modules(path)
        if module.split(".")[0] in {"worker", "tests"}
    ]

    assert not imported, "\n".join(imported)


@pytest.mark.parametrize("words", [REGISTRY_HOSTS, MACHINE_PATHS], ids=["registry hosts", "machine paths"])
def test_no_file_names_a_place_of_one_machine(words: list[str]) -> None:
    found = [
        f"{name_of(path)}: {word}" for path in project_files() for word in words if word.encode() in path.read_bytes()
    ]

    assert not found, "\n".join(found)


def test_tests_wait_for_events_and_never_sleep() -> None:
    sleeping = [
        f"{name_of(path)}:{node.lineno}"
        for path in python_files(below="tests/")
        if not name_of(path).startswith("tests/support/")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "sleep"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"time", "asyncio", "anyio"}
    ]

    assert not sleeping, "\n".join(sleeping)
