"""Loads SQL that stands in a file of its own: one statement or one routine per file.

A file begins with a comment that says why the statement is as it is. That comment is for the reader of
the repository and stays here; comments inside a routine are part of it and are sent.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path


@cache
def load_sql(package: str, name: str) -> str:
    """The statement in `name`, a path relative to `package`; forward slashes reach into subfolders."""
    file = resources.files(package)
    for part in name.split("/"):  # one by one: a package without an __init__.py takes no more at a time
        file = file.joinpath(part)
    return _statement(file.read_text(encoding="utf-8"))


@cache
def read_sql(file: Path) -> str:
    """The same for a folder that cannot be a package, as those of Alembic's revisions."""
    return _statement(file.read_text(encoding="utf-8"))


def _statement(text: str) -> str:
    lines = text.splitlines()
    first = next((number for number, line in enumerate(lines) if line.strip() and not line.startswith("--")), 0)
    return "\n".join(lines[first:]).strip().removesuffix(";")
