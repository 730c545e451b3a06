"""Where files lie: flat, as they have until now, and in a folder for each project and version.

Ids come from the database, where nothing keeps them from being `../..`: what is not plain is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from backfill.definitions import Refused

GENERATIONS, SOURCE, ARTIFACTS, ARCHIVE = "generations", "source", "artifacts", "archive"
MANIFEST, ACTIVE = "manifest.json", "active"
# What is not finished yet. The application looks for v<N>__*, which this is not.
PARTIAL = ".partial"
LONGEST_PATH = 500

_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,35}")
_NAME = re.compile(r"v([1-9][0-9]{0,9})__(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Of one version of a project. Refused where its ids cannot be names of folders."""

    project_id: str
    version: int
    generation_id: str

    def __post_init__(self) -> None:
        if not (_ID.fullmatch(self.project_id) and _ID.fullmatch(self.generation_id)):
            raise Refused("an id is no name for a folder: letters, digits, hyphens and dots, none at the beginning")
        if self.version < 1:
            raise Refused("its version is below 1")

    @property
    def name(self) -> str:
        return f"v{self.version}__{self.generation_id}"

    @property
    def key(self) -> str:
        """In a store of objects, without an ending."""
        return f"{self.project_id}/{GENERATIONS}/{self.name}"


def patch_name(from_version: int) -> str:
    return f"diff_from_v{from_version}.patch"


def named(project_id: str, name: str) -> Place | None:
    """The place whose folder is called so; None: it is none of ours."""
    found = _NAME.fullmatch(name)
    if not found or not _ID.fullmatch(found[2]) or not _ID.fullmatch(project_id):
        return None
    return Place(project_id=project_id, version=int(found[1]), generation_id=found[2])
