"""`generation-files` on a database: a batch of rows, then what follows from it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from backfill.definitions import Refused
from backfill.definitions.calls.bound import Called, Calls
from backfill.definitions.calls.spec import Spec
from backfill.engine.protocols import Settled
from backfill.runs.failures import BatchFailed, Failure
from backfill.sql.folder import SqlFolder
from backfill.sql.needs import ColumnNeed, Needs
from backfill.sql.privileges import Right, Rights
from backfill.sql.transactions import transaction
from worker.files.following import Patch, Step, make_patches, point
from worker.files.layout import Place
from worker.files.opening import open_storage
from worker.files.storage import Storage

QUERIES = SqlFolder("worker.files")
# A project may get another active version while its link is set.
MOST_LOOKS = 5


class FilesBackfill(Calls):
    """Folder, then row, then patch and link: see `following` for what comes after the row."""

    @staticmethod
    def needs_of(spec: Spec) -> Needs:
        needs = Calls.needs_of(spec)
        more = [
            ColumnNeed(table="projects", name="id", is_read=True),
            ColumnNeed(table="projects", name="active_generation_id", is_read=True),
            ColumnNeed(table="generations", name="diff_from_previous", type="text", is_read=True),
            ColumnNeed(table="generations", name="changes_summary", type="json"),
        ]
        return replace(needs, columns=(*needs.columns, *more))

    @staticmethod
    def rights_of(spec: Spec) -> Rights:
        rights = Calls.rights_of(spec)
        reading = (
            Right(privilege="SELECT", table="projects", columns=("id", "active_generation_id")),
            Right(privilege="SELECT", table="generations", columns=("diff_from_previous",)),
        )
        writing = (Right(privilege="UPDATE", table="generations", columns=("diff_from_previous", "changes_summary")),)
        return replace(rights, reading=(*rights.reading, *reading), writing=(*rights.writing, *writing))

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._brought: dict[str, Place] = {}

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        storage = open_storage()
        if why_not := await asyncio.to_thread(storage.why_not):
            raise BatchFailed(Failure.CONNECTION, why_not, sqlstate=None)
        settled = await super().settle(unit_ids)
        brought = {unit_id: self._brought.pop(unit_id) for unit_id in unit_ids if unit_id in self._brought}
        await self._take_back(storage, {name: brought[name] for name in settled.contended if name in brought})
        undone = settled.contended | settled.left | settled.refused.keys()
        done = [unit_id for unit_id in unit_ids if unit_id not in undone]
        if not done:
            return settled
        contended, refused = await self._follow(storage, done)
        return replace(settled, contended=settled.contended | contended, refused={**settled.refused, **refused})

    async def called(self, unit_ids: Sequence[str]) -> Called:
        called = await super().called(unit_ids)
        for unit_id, new in called.news.items():
            row = new.seen.row
            self._brought[unit_id] = Place(project_id=row.project_id, version=row.version, generation_id=row.id)
        return called

    async def _take_back(self, storage: Storage, places: Mapping[str, Place]) -> None:
        """Of rows that the application has deleted meanwhile: it will not come back for the folder."""
        if not places:
            return
        found = {row.id for row in await self._ask("existing", list(places))}
        for unit_id, place in places.items():
            if unit_id not in found:
                with suppress(Refused):
                    await asyncio.to_thread(storage.remove, place)

    async def _follow(self, storage: Storage, ids: Sequence[str]) -> tuple[frozenset[str], dict[str, BatchFailed]]:
        steps = _steps(storage, await self._ask("pairs", ids))
        patches, reasons = await asyncio.to_thread(make_patches, storage, list(steps.values()))
        contended = await self._write(patches)
        if why_not := await self._point(storage, ids):
            reasons.setdefault(ids[0], why_not)
        refused = {
            (name if name in ids else steps[name].before.generation_id): BatchFailed(Failure.ROW, reason, sqlstate=None)
            for name, reason in reasons.items()
        }
        mine = {name if name in ids else steps[name].before.generation_id for name in contended}
        return frozenset(mine - refused.keys()), refused

    async def _write(self, patches: Sequence[Patch]) -> frozenset[str]:
        """Which of the rows somebody holds."""
        if not patches:
            return frozenset()
        by_id = {patch.generation_id: patch for patch in patches}
        async with transaction(self.engine, self.limits) as connection:
            rows = await QUERIES.run(connection, "lock_generations", {"ids": list(by_id)})
            locked = [by_id[row.id] for row in rows]
            parameters = {
                "ids": [patch.generation_id for patch in locked],
                "paths": [patch.storage_path for patch in locked],
                "patches": [patch.path for patch in locked],
                "summaries": [patch.summary for patch in locked],
            }
            await QUERIES.run(connection, "write_patches", parameters)
        held = by_id.keys() - {patch.generation_id for patch in locked}
        if not held:
            return frozenset()
        return frozenset(row.id for row in await self._ask("existing", list(held)))

    async def _point(self, storage: Storage, ids: Sequence[str]) -> str | None:
        """Read, set, and read again: the application may have another one active by then."""
        pointed: list[tuple[str, Place | None]] | None = None
        for _ in range(MOST_LOOKS):
            active = [_active(storage, row) for row in await self._ask("active", ids)]
            if active == pointed:
                return None
            if why_not := await asyncio.to_thread(point, storage, active):
                return why_not
            pointed = active
        return None

    async def _ask(self, name: str, ids: Sequence[str]) -> Sequence[Row[Any]]:
        async with transaction(self.engine, self.limits) as connection:
            return (await QUERIES.run(connection, name, {"ids": list(ids)})).all()


def _steps(storage: Storage, rows: Sequence[Row[Any]]) -> dict[str, Step]:
    """Between versions that both are in their folders."""
    steps = {}
    for row in rows:
        before = brought(storage, row.project_id, row.before_version, row.before_id, row.before_path)
        after = brought(storage, row.project_id, row.version, row.id, row.storage_path)
        if before is not None and after is not None:
            steps[row.id] = Step(before=before, after=after, written=row.diff_from_previous)
    return steps


def _active(storage: Storage, row: Row[Any]) -> tuple[str, Place | None]:
    if row.id is None:
        return row.project_id, None
    return row.project_id, brought(storage, row.project_id, row.version, row.id, row.storage_path)


def brought(storage: Storage, project_id: str, version: int, generation_id: str, path: str | None) -> Place | None:
    """The place of a row; None: it does not point there, or cannot have one."""
    try:
        place = Place(project_id=project_id, version=version, generation_id=generation_id)
    except Refused:
        return None
    return place if storage.path(place) == path else None
