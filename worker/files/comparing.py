"""What rows say of versions, and whether what lies in a version's folder is what it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from backfill.definitions import Refused
from worker.files.layout import GENERATIONS, Place, named
from worker.files.manifest import Damaged, Manifest
from worker.files.sources import Source
from worker.files.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From one version to the next, both in their folders; `written` is what the row of the later one says of it."""

    before: Place
    after: Place
    written: str | None


def looked(storage: Storage, place: Place) -> Manifest | Damaged | None:
    """None: it is not there."""
    try:
        return storage.look(place)
    except Damaged as damaged:
        return damaged


def brought(storage: Storage, project_id: str, version: int, generation_id: str, path: str | None) -> Place | None:
    """The place of a row; None: it does not point there, or cannot have one."""
    try:
        place = Place(project_id=project_id, version=version, generation_id=generation_id)
    except Refused:
        return None
    return place if storage.path(place) == path else None


def place_at(storage: Storage, path: str) -> Place | None:
    """Of a path as rows have it; None: it is none of a version."""
    project, _, name = path.rpartition(f"/{GENERATIONS}/")
    place = named(project.rpartition("/")[2], name)
    return place if place is not None and storage.path(place) == path else None


def steps_between(storage: Storage, rows: Sequence[Row[Any]]) -> dict[str, Step]:
    """Between versions that both are in their folders, by the id of the later one."""
    steps = {}
    for row in rows:
        before = brought(storage, row.project_id, row.before_version, row.before_id, row.before_path)
        after = brought(storage, row.project_id, row.version, row.id, row.storage_path)
        if before is not None and after is not None:
            steps[row.id] = Step(before=before, after=after, written=row.diff_from_previous)
    return steps


def active_of(storage: Storage, row: Row[Any]) -> tuple[str, Place | None]:
    """A project, and the place of its active version where it is in its folder."""
    if row.id is None:
        return row.project_id, None
    return row.project_id, brought(storage, row.project_id, row.version, row.id, row.storage_path)


def is_same(storage: Storage, there: Manifest, source: Source) -> bool:
    """By every byte."""
    if set(there.files) != {file.path for file in source.files}:
        return False
    if there.total_size_bytes != sum(file.size for file in source.files):
        return False
    with storage.reading(there.place) as read:
        return all(read(file.path) == b"".join(source.read(file)) for file in source.files)
