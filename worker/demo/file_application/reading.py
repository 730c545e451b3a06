"""Reads of the application, each in one of its ways, and each held against the ledger."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from random import Random

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from worker.demo.file_application.account import Account
from worker.demo.file_application.layouts import FileTree, read_generation
from worker.demo.file_application.ledger import Digests, Known, Ledger, digests, of_texts
from worker.demo.file_application.models import Generation

VERSION, FLAT, STORED, LINK = "by version", "flat only", "by storage path", "by the active link"
WAYS = (VERSION, VERSION, FLAT, STORED, LINK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    sessions: async_sessionmaker[AsyncSession]
    tree: FileTree
    ledger: Ledger
    account: Account

    async def read(self, random: Random) -> None:
        """One read by chance; what is wrong with it goes into the account."""
        one = self.ledger.pick(random.randrange(2**31))
        if one is None:
            return
        way = random.choice(WAYS)
        async with self.ledger.lock(one.project_id):
            if one.deleted:
                return
            try:
                subject, expected, found = await self._found(one, way)
            except (OSError, ValueError, KeyError, LookupError) as error:
                self.account.note_failed(f"{way}: {one.id}: {type(error).__name__}: {error}")
            else:
                self._judge(f"{way}: {subject}", expected, found)
        self.account.reads[way] += 1

    def _judge(self, what: str, expected: Digests | None, found: Digests | None) -> None:
        if found == expected or (not expected and not found):
            return
        if not found:
            self.account.note_failed(f"{what}: found nothing")
            return
        expected = expected or {}
        differing = sorted(path for path in {*expected, *found} if expected.get(path) != found.get(path))
        self.account.note_wrong(f"{what}: {len(differing)} of {len(found)} files are not as written: {differing[:3]}")

    async def _found(self, one: Known, way: str) -> tuple[str, Digests | None, Digests | None]:
        """Of which generation, what it should be, and what it is."""
        match way:
            case "flat only":
                found = await asyncio.to_thread(self.tree.read_flat, one.id)
                return one.id, one.files if one.flat else None, None if found is None else digests(found)
            case "by the active link":
                return await self._behind_link(one)
            case "by storage path":
                row = await self._row(one)
                place = Path(row.storage_path or "")
                if "generations" not in place.parts:
                    return one.id, None, None  # flat, which the other ways look at
                return one.id, one.files, digests(await asyncio.to_thread(read_generation, place))
            case _:
                row = await self._row(one)
                files = await asyncio.to_thread(self.tree.read_versioned, one.project_id, row.version, one.id)
                return one.id, one.files, of_texts(row.output_files) if files is None else digests(files)

    async def _row(self, one: Known) -> Generation:
        async with self.sessions() as session:
            row = await session.get(Generation, one.id)
        if row is None:
            raise LookupError("the row is not there")
        return row

    async def _behind_link(self, one: Known) -> tuple[str, Digests | None, Digests | None]:
        link = self.tree.link(one.project_id)
        if not await asyncio.to_thread(link.is_symlink):
            return one.id, None, None
        found = await asyncio.to_thread(read_generation, link)
        generation_id = (await asyncio.to_thread(link.readlink)).name.partition("__")[2]
        active = self.ledger.known[generation_id]
        return active.id, active.files, digests(found)
