"""`generation-files` on a database: a batch of rows, then what follows from it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, select

from backfill.definitions import Refused
from backfill.definitions.calls.bound import Called, Calls
from backfill.definitions.calls.spec import Spec
from backfill.engine.protocols import CheckedPage, Settled
from backfill.runs.errors import Unreachable
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.findings import Finding, Rule, merge
from backfill.runs.ranges import Key
from backfill.sql.built import run_built
from backfill.sql.folder import SqlFolder
from backfill.sql.needs import ColumnNeed, Needs
from backfill.sql.privileges import Right, Rights
from backfill.sql.transactions import transaction
from worker.files.checking import check_files, check_projects
from worker.files.columns import ROWS
from worker.files.comparing import active_of, steps_between
from worker.files.following import Patch, make_patches, point
from worker.files.layout import Place
from worker.files.opening import open_storage
from worker.files.publishing import discard, publish
from worker.files.settings import file_settings
from worker.files.sources import Away
from worker.files.storage import Storage
from worker.files.verifying import RULES, Found, Looker

QUERIES = SqlFolder("worker.files")
ROOT = "root"
ROOT_RULE = Rule(slug=ROOT, title="The folder of the files is there", is_error=False, on_schema=True)
# Each of them is looked up on the disk.
MOST_LOOKED_AT = 200
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
            ColumnNeed(table="generations", name="updated_at", is_read=True),
        ]
        return replace(needs, columns=(*needs.columns, *more))

    @staticmethod
    def rights_of(spec: Spec) -> Rights:
        rights = Calls.rights_of(spec)
        reading = (
            Right(privilege="SELECT", table="projects", columns=("id", "active_generation_id")),
            Right(privilege="SELECT", table="generations", columns=("diff_from_previous", "updated_at")),
        )
        writing = (Right(privilege="UPDATE", table="generations", columns=("diff_from_previous", "changes_summary")),)
        return replace(rights, reading=(*rights.reading, *reading), writing=(*rights.writing, *writing))

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.rules = (*self.rules, ROOT_RULE, *RULES)
        self._brought: dict[str, Place] = {}

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        storage = open_storage()
        await _require_root(storage)
        with _waiting_for_it():
            return await self._settle(storage, unit_ids)

    async def _settle(self, storage: Storage, unit_ids: Sequence[str]) -> Settled:
        await self._send_back(storage, unit_ids)
        settled = await super().settle(unit_ids)
        brought = {unit_id: self._brought.pop(unit_id) for unit_id in unit_ids if unit_id in self._brought}
        await self._take_back(storage, {name: brought[name] for name in settled.contended if name in brought})
        undone = settled.contended | settled.left | settled.refused.keys()
        done = [unit_id for unit_id in unit_ids if unit_id not in undone]
        if not done:
            return settled
        contended, refused = await self._follow(storage, done)
        return replace(settled, contended=settled.contended | contended, refused={**settled.refused, **refused})

    async def check_page(self, after: Key | None, end: Key | None, *, units: int) -> CheckedPage:
        """First what SQL can tell, then the storage."""
        storage = open_storage()
        await _require_root(storage)
        page = await super().check_page(after, end, units=min(units, MOST_LOOKED_AT))
        within = self.spec.walk.between(after, page.last_key or end)
        async with transaction(self.engine, self.limits) as connection:
            ids = (await run_built(connection, select(ROWS.id).where(within))).scalars().all()
        looker = Looker(storage=storage, root=file_settings().root)
        with _waiting_for_it():
            found = await check_files(self._ask, storage, looker, ids)
            orphans = await check_projects(self._ask, storage) if after is None else Found()
        return replace(
            page,
            findings=merge([*page.findings, *found.findings(), *orphans.findings()]),
            mendable=tuple(dict.fromkeys((*page.mendable, *found.mendable))),
        )

    async def check_schema(self) -> tuple[Finding, ...]:
        """Without its root nothing could be said of the files."""
        findings = await super().check_schema()
        why_not = await asyncio.to_thread(open_storage().why_not)
        if why_not is None:
            return findings
        root = Finding(rule=ROOT, is_error=False, count=1, examples=(why_not,))
        return (*findings, root)

    async def called(self, unit_ids: Sequence[str]) -> Called:
        called = await super().called(unit_ids)
        for unit_id, new in called.news.items():
            row = new.seen.row
            self._brought[unit_id] = Place(project_id=row.project_id, version=row.version, generation_id=row.id)
        return called

    async def _send_back(self, storage: Storage, unit_ids: Sequence[str]) -> None:
        """Rows that verification has named: their folder is not what it should be, and is to be made again."""
        rows = [row for row in await self._ask("page", unit_ids) if row.is_concerned]
        looker = Looker(storage=storage, root=file_settings().root)
        unsound = await asyncio.to_thread(looker.unsound, rows)
        if not unsound:
            return
        async with transaction(self.engine, self.limits) as connection:
            locked = {row.id for row in await QUERIES.run(connection, "lock_generations", _ids_of(unsound))}
            rows = [row for row in unsound if row.id in locked]
            parameters = {**_ids_of(rows), "paths": [row.storage_path for row in rows]}
            await QUERIES.run(connection, "send_back", parameters)

    async def before_writing(self, called: Called) -> Called:
        return await publish(self, open_storage(), called)

    async def dismiss(self, called: Called) -> None:
        await asyncio.to_thread(discard, called)

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
        steps = steps_between(storage, await self._ask("pairs", ids))
        patches, reasons = await asyncio.to_thread(make_patches, storage, list(steps.values()))
        contended = await self._write(patches)
        reasons |= await self._point(storage, ids)
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

    async def _point(self, storage: Storage, ids: Sequence[str]) -> dict[str, str]:
        """Read, set, and read again: the application may have another one active by then. Why not, by a row each."""
        pointed: list[tuple[str, Place | None]] | None = None
        for _ in range(MOST_LOOKS):
            rows = await self._ask("active", ids)
            active = [active_of(storage, row) for row in rows]
            if active == pointed:
                break
            reasons = await asyncio.to_thread(point, storage, active)
            if reasons:
                return {row.one_id: reasons[row.project_id] for row in rows if row.project_id in reasons}
            pointed = active
        return {}

    async def _ask(self, name: str, ids: Sequence[str]) -> Sequence[Row[Any]]:
        async with transaction(self.engine, self.limits) as connection:
            return (await QUERIES.run(connection, name, {"ids": list(ids)})).all()


async def _require_root(storage: Storage) -> None:
    """Raises Unreachable: it is waited for, as a server is, and no row is to blame."""
    if why_not := await asyncio.to_thread(storage.why_not):
        raise Unreachable(why_not)


@contextmanager
def _waiting_for_it() -> Iterator[None]:
    """What may answer later is waited for, as a server is. Raises Unreachable."""
    try:
        yield
    except Away as error:
        raise Unreachable(f"The files cannot be worked on: {error}.") from None


def _ids_of(rows: Sequence[Row[Any]]) -> dict[str, list[str]]:
    return {"ids": [row.id for row in rows]}
