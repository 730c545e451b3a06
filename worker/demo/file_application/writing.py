"""What the application writes, in both layouts, while somebody brings its files from one to the other.

It knows nothing of that. It has a project's files to itself only against its own reads; every row is written by the
ORM in sessions of its own, and files follow or precede their row, as they do in an application that was never written
for any of this. A disk that is full is met before anything is changed, and the row is put back.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from worker.demo.file_application.account import Account
from worker.demo.file_application.contents import new_files
from worker.demo.file_application.layouts import (
    MANIFEST,
    SOURCE,
    Described,
    Files,
    FileTree,
    manifest_of,
    point_to,
    remove,
    take_over,
    write_files,
    write_zip,
)
from worker.demo.file_application.ledger import FOLDER, ZIP, Known, Ledger, digests
from worker.demo.file_application.models import Artifact, Generation, Project

COMPLETED, PROCESSING, FAILED = "completed", "processing", "failed"
NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    sessions: async_sessionmaker[AsyncSession]
    tree: FileTree
    ledger: Ledger
    account: Account

    async def write(self, random: Random) -> None:
        """One change by chance."""
        kinds: tuple[tuple[str, Callable[[Random], Awaitable[bool]], int], ...] = (
            ("inserted flat", self._insert_flat, 25),
            ("inserted with its version", self._insert_versioned, 15),
            ("generated again", self._regenerate, 35),
            ("activated", self._activate, 15),
            ("deleted", self._delete, 10),
        )
        (name, kind, _) = random.choices(kinds, [weight for *_, weight in kinds])[0]
        try:
            if await kind(random):
                self.account.writes[name] += 1
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            self.account.no_room += 1

    async def _insert_flat(self, random: Random) -> bool:
        """As today's release does: the row, then its files, then the row again."""
        project_id, one = self._new(random)
        files = new_files(random, one.id)
        async with self.ledger.lock(project_id):
            async with self.sessions.begin() as session:
                session.add(await _row_of(session, one, status=PROCESSING))
            self.ledger.add(one)
            try:
                kind = random.choice((FOLDER, FOLDER, ZIP, None))
                await asyncio.to_thread(self._place_flat, one.id, kind, files)
            except OSError:
                await self._set_status(one, FAILED)
                raise
            await self._complete(one, files)
            one.files, one.flat, one.in_row = digests(files), kind, True
        return True

    def _place_flat(self, generation_id: str, kind: str | None, files: Files) -> None:
        if kind == ZIP:
            write_zip(self.tree.zipped(generation_id), files)
        elif kind == FOLDER:
            with self.tree.staged(files) as stage:
                stage.rename(self.tree.flat(generation_id))

    async def _insert_versioned(self, random: Random) -> bool:
        """As the next release does: it counts the version itself, and its files are there before its row is."""
        project_id, one = self._new(random)
        files = new_files(random, one.id)
        async with self.ledger.lock(project_id):
            async with self.sessions.begin() as session:
                project = await session.get_one(Project, project_id, with_for_update={"key_share": True})
                project.latest_version += 1
                version = project.latest_version
                row = await _row_of(session, one, status=COMPLETED)
                row.version = version
                row.output_files = _texts(files)
                row.storage_path = str(self.tree.place(project_id, version, one.id))
                row.file_count, row.total_size_bytes = len(files), sum(map(len, files.values()))
                session.add(row)
                await session.flush()
                await session.refresh(row)
                about = _described(row)
                await asyncio.to_thread(self._place_versioned, about, files)
            one.files, one.in_row, one.status = digests(files), True, COMPLETED
            self.ledger.add(one)
            await self._follow(project_id)
        return True

    def _place_versioned(self, about: Described, files: Files) -> None:
        with self.tree.staged({}) as stage:
            _write_version(stage, about, files)
            folder = self.tree.place(about.project_id, about.version, about.generation_id)
            folder.parent.mkdir(parents=True, exist_ok=True)
            stage.rename(folder)

    async def _regenerate(self, random: Random) -> bool:
        """The same generation gets other files, wherever a lookup finds it by now."""
        async with self._completed(random) as one:
            if one is None:
                return False
            files = new_files(random, f"{one.id} again")
            row = await self._set_status(one, PROCESSING)
            try:
                await asyncio.to_thread(self._replace, _described(row), one, files)
            except OSError:
                await self._set_status(one, COMPLETED)
                raise
            await self._complete(one, files)
            one.files, one.in_row, one.written_anew = digests(files), True, True
        return True

    def _replace(self, about: Described, one: Known, files: Files) -> None:
        """All that takes room is staged before the first file is replaced."""
        folder = self.tree.versioned(about.project_id, about.version, about.generation_id)
        with self.tree.staged(files) as for_flat, self.tree.staged({}) as rest:
            if folder is not None:
                _write_version(rest, about, files)
            if one.flat == ZIP:
                write_zip(self.tree.zipped(one.id), files)
            elif one.flat == FOLDER or folder is None:
                take_over(for_flat, self.tree.flat(one.id))
                one.flat = FOLDER
            if folder is not None:
                take_over(rest / SOURCE, folder / SOURCE)
                (rest / MANIFEST).replace(folder / MANIFEST)

    async def _delete(self, random: Random) -> bool:
        """With all of its files, and mostly the row first."""
        one = self.ledger.pick(random.randrange(2**31))
        if one is None or one.is_parent:
            return False
        async with self.ledger.lock(one.project_id):
            if one.deleted:
                return False
            async with self.sessions() as session:
                version = (await session.get_one(Generation, one.id)).version
            row_first = random.random() < 0.7
            if not row_first:
                await asyncio.to_thread(self._remove_files, one, version)
            async with self.sessions.begin() as session:
                await session.execute(delete(Artifact).where(Artifact.generation_id == one.id))
                await session.delete(await session.get_one(Generation, one.id))
            if row_first:
                await asyncio.to_thread(self._remove_files, one, version)
            one.deleted = True
            await self._follow(one.project_id)
        return True

    def _remove_files(self, one: Known, version: int) -> None:
        remove(self.tree.flat(one.id))
        remove(self.tree.zipped(one.id))
        remove(self.tree.place(one.project_id, version, one.id))

    async def _activate(self, random: Random) -> bool:
        async with self._completed(random) as one:
            if one is None:
                return False
            async with self.sessions.begin() as session:
                project = await session.get_one(Project, one.project_id, with_for_update={"key_share": True})
                project.active_generation_id = one.id
                of_project = Generation.project_id == one.project_id, Generation.is_active, Generation.id != one.id
                await session.execute(update(Generation).where(*of_project).values(is_active=False))
                (await session.get_one(Generation, one.id)).is_active = True
            await self._follow(one.project_id)
        return True

    @asynccontextmanager
    async def _completed(self, random: Random) -> AsyncIterator[Known | None]:
        """Any generation that is there and completed, with its project locked; None: the one that came up is not."""
        one = self.ledger.pick(random.randrange(2**31))
        if one is None:
            yield None
            return
        async with self.ledger.lock(one.project_id):
            yield None if one.deleted or one.status != COMPLETED else one

    async def _follow(self, project_id: str) -> None:
        """The link leads to the active generation, where that one lies in a place that it can lead to."""
        async with self.sessions() as session:
            project = await session.get_one(Project, project_id)
            active = None
            if project.active_generation_id is not None:
                active = await session.get(Generation, project.active_generation_id)
        folder = None
        if active is not None:
            folder = self.tree.versioned(project_id, active.version, active.id)
        link = self.tree.link(project_id)
        if await asyncio.to_thread(link.parent.is_dir):
            await asyncio.to_thread(point_to, link, folder)

    async def _complete(self, one: Known, files: Files) -> None:
        async with self.sessions.begin() as session:
            row = await session.get_one(Generation, one.id)
            row.output_files = _texts(files)
            row.file_count, row.total_size_bytes = len(files), sum(map(len, files.values()))
            row.status = one.status = COMPLETED
        await self._follow(one.project_id)

    async def _set_status(self, one: Known, status: str) -> Generation:
        async with self.sessions.begin() as session:
            row = await session.get_one(Generation, one.id)
            row.status = one.status = status
        return row

    def _new(self, random: Random) -> tuple[str, Known]:
        project_id = random.choice(self.ledger.projects)
        generation_id = str(UUID(int=random.getrandbits(128), version=4))
        one = Known(id=generation_id, project_id=project_id, status=PROCESSING, files=None, flat=None, in_row=False)
        return project_id, one


async def _row_of(session: AsyncSession, one: Known, *, status: str) -> Generation:
    owner = (await session.get_one(Project, one.project_id)).user_id
    return Generation(id=one.id, project_id=one.project_id, user_id=owner, prompt="Build it", status=status)


def _write_version(folder: Path, about: Described, files: Files) -> None:
    write_files(folder / SOURCE, files)
    (folder / MANIFEST).write_text(manifest_of(about, files), encoding="utf-8")


def _described(row: Generation) -> Described:
    return Described(
        generation_id=row.id,
        project_id=row.project_id,
        version=row.version,
        created_at=row.created_at,
        prompt=row.prompt,
    )


def _texts(files: Files) -> dict[str, str]:
    return {path: content.decode() for path, content in files.items()}
