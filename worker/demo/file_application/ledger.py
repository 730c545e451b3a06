"""What the application knows that its files hold: the truth that every read is held against.

It begins with what there is before anything is brought over: the texts in the rows, and where there are none the files
on disk. From then on it follows what this process itself has written, removed and cleaned away.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Digests = dict[str, str]
FOLDER, ZIP = "folder", "zip"


@dataclass(slots=True, kw_only=True)
class Known:
    """One generation. `files` None: it never had any. `flat`: what a lookup without a project finds."""

    id: str
    project_id: str
    status: str
    files: Digests | None
    flat: str | None
    in_row: bool
    is_parent: bool = False
    deleted: bool = False
    written_anew: bool = False


@dataclass(slots=True)
class Ledger:
    """Of one process, which alone writes to the projects of its share. `lock` holds a project still while its files
    are read or written here; the backfill knows nothing of it."""

    known: dict[str, Known] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    projects: list[str] = field(default_factory=list)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    _alive: list[str] = field(default_factory=list)

    def add(self, one: Known) -> None:
        self.known[one.id] = one
        self._alive.append(one.id)

    def lock(self, project_id: str) -> asyncio.Lock:
        return self._locks.setdefault(project_id, asyncio.Lock())

    def pick(self, number: int) -> Known | None:
        """One that is there, by a number drawn by chance; None where the one drawn is gone."""
        one = self.known[self._alive[number % len(self._alive)]]
        return None if one.deleted else one

    def document(self) -> dict[str, Any]:
        return {name: asdict(one) for name, one in self.known.items()}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digests(files: Mapping[str, bytes]) -> Digests:
    return {path: digest(content) for path, content in files.items()}


def of_texts(output_files: object) -> Digests | None:
    """Of the JSON of a row."""
    if not isinstance(output_files, dict):
        return None
    return {path: digest(str(text).encode()) for path, text in output_files.items()}
