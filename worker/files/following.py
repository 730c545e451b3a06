"""What follows once a row points to its folder: the patch from the version before, and the link to the active version.

Both are made of what the rows say by now, so that it does not matter who comes first, nor how often.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from backfill.definitions import Refused
from worker.files.comparing import Step, looked
from worker.files.differences import patch_between
from worker.files.layout import Place
from worker.files.manifest import Manifest
from worker.files.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """What is to be written to the row of the later version."""

    generation_id: str
    storage_path: str
    path: str
    summary: str


def make_patches(storage: Storage, steps: Iterable[Step]) -> tuple[list[Patch], dict[str, str]]:
    """Patches that rows are to be told of, and why there is none, by the id of the later version."""
    patches: list[Patch] = []
    refused: dict[str, str] = {}
    for step in steps:
        try:
            patch = _made(storage, step)
        except Refused as error:
            refused[step.after.generation_id] = f"the patch from the version before: {error}"
            continue
        if patch is not None:
            patches.append(patch)
    return patches, refused


def _made(storage: Storage, step: Step) -> Patch | None:
    """None: there is nothing to be told, as the row says it already, or one of the two is gone."""
    path = storage.patch_path(step.after, step.before.version)
    is_there = storage.has_patch(step.after, step.before.version)
    if is_there and step.written == path:
        return None
    if not is_there:
        before, after = looked(storage, step.before), looked(storage, step.after)
        if not (isinstance(before, Manifest) and isinstance(after, Manifest)):
            return None
        try:
            patch = patch_between(storage, before, after)
        except FileNotFoundError:
            return None
        storage.put_patch(step.after, step.before.version, patch)
        if not storage.has_patch(step.after, step.before.version):
            return None
    summary = {
        "diff_created_at": datetime.now(UTC).isoformat(),
        "from_version": step.before.version,
        "to_version": step.after.version,
    }
    return Patch(
        generation_id=step.after.generation_id,
        storage_path=storage.path(step.after),
        path=path,
        summary=json.dumps(summary),
    )


def point(storage: Storage, active: Sequence[tuple[str, Place | None]]) -> dict[str, str]:
    """Each project at its active version; None: at none. Why not, by the project, where the system refuses."""
    reasons: dict[str, str] = {}
    for project_id, place in active:
        try:
            storage.point(project_id, place)
        except Refused as error:
            if place is not None:  # else there is nothing that could point anywhere
                reasons[project_id] = f"the link to the active version: {error}"
    return reasons
