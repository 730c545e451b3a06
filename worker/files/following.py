"""What follows once a row points to its folder: the patch from the version before, and the link to the active version.

Both are made of what the rows say by now, so that it does not matter who comes first, nor how often.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from backfill.definitions import Refused
from worker.files.comparing import Step, looked
from worker.files.differences import patch_between
from worker.files.layout import Place
from worker.files.manifest import Manifest
from worker.files.storage import StagedPatch, Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """What is to be written to the row of the later version."""

    generation_id: str
    storage_path: str
    path: str
    summary: str


def make_patches(storage: Storage, steps: Iterable[Step]) -> tuple[list[Patch], dict[str, str]]:
    """Patches that rows are to be told of, and why there is none, by the id of the later version.

    Flushed as the folders are, all of them together: before they get their names, and before rows are told.
    """
    patches: list[Patch] = []
    refused: dict[str, str] = {}
    with ExitStack() as stack:
        staged: list[tuple[Patch, StagedPatch]] = []
        for step in steps:
            with _refusing(refused, step.after.generation_id):
                draft = _staged(storage, step)
                if draft is not None:
                    stack.callback(draft.discard)
                    staged.append((_told(storage, step), draft))
        with _refusing(refused, *(patch.generation_id for patch, _ in staged)):
            if staged:
                storage.flush()
            for patch, draft in staged:
                with _refusing(refused, patch.generation_id):
                    draft.publish()
                    patches.append(patch)
            if patches:
                storage.flush()
    return [patch for patch in patches if patch.generation_id not in refused], refused


@contextmanager
def _refusing(refused: dict[str, str], *generation_ids: str) -> Iterator[None]:
    try:
        yield
    except Refused as error:
        refused.update(dict.fromkeys(generation_ids, f"the patch from the version before: {error}"))


def _staged(storage: Storage, step: Step) -> StagedPatch | None:
    """None: the row says it already, or one of the two is gone. One that no row tells of may be what a power failure
    has left of it, and is made again."""
    version = step.before.version
    if step.written == storage.patch_path(step.after, version) and storage.has_patch(step.after, version):
        return None
    before, after = looked(storage, step.before), looked(storage, step.after)
    if not (isinstance(before, Manifest) and isinstance(after, Manifest)):
        return None
    try:
        return storage.stage_patch(step.after, version, patch_between(storage, before, after))
    except FileNotFoundError:
        return None


def _told(storage: Storage, step: Step) -> Patch:
    summary = {
        "diff_created_at": datetime.now(UTC).isoformat(),
        "from_version": step.before.version,
        "to_version": step.after.version,
    }
    return Patch(
        generation_id=step.after.generation_id,
        storage_path=storage.path(step.after),
        path=storage.patch_path(step.after, step.before.version),
        summary=json.dumps(summary),
    )


def point(storage: Storage, active: Sequence[tuple[str, Place | None]]) -> dict[str, str]:
    """Each project at its active version; None: at none. Why not, by the project, where the system refuses."""
    reasons: dict[str, str] = {}
    is_new = False
    for project_id, place in active:
        try:
            is_new |= storage.point(project_id, place)
        except Refused as error:
            if place is not None:  # else there is nothing that could point anywhere
                reasons[project_id] = f"the link to the active version: {error}"
    if is_new:
        try:
            storage.flush()
        except Refused as error:
            reasons |= {project: f"the link to the active version: {error}" for project, place in active if place}
    return reasons
