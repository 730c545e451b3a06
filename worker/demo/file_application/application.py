"""The file application at work: reads and writes by chance at a steady rate, each project in one process only.

Whatever goes wrong with a read is noted as its users would have seen it: nothing is looked for a second time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self
from zlib import crc32

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from backfill.runs.errors import UsageError
from backfill.sql.database import open_engine, reachable
from worker.demo.file_application.account import Account
from worker.demo.file_application.layouts import FileTree, read_folder, read_zip, remove
from worker.demo.file_application.ledger import FOLDER, ZIP, Digests, Known, Ledger, digests, of_texts
from worker.demo.file_application.reading import Reader
from worker.demo.file_application.writing import Writer
from worker.demo.old_application.connections import DATABASE_ERRORS
from worker.schema.models import generations, projects

KEEPS_SECONDS = 30 * 24 * 3600
CLEANS_EVERY_SECONDS = 1.0
ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTraffic:
    """How much the application does. Process `share` of `shares` has the projects that fall to it; a rate of 0 means
    as fast as it can."""

    root: Path
    share: int = 0
    shares: int = 1
    connections: int = 4
    operations_per_second: float = 100.0
    writes_percent: float = 25.0
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.share < self.shares:
            raise UsageError("The share must be at least 0, and less than the number of shares.")
        if not 1 <= self.connections <= 50:
            raise UsageError("The file application's connections must be between 1 and 50.")
        if not 0 <= self.writes_percent <= 100 or self.operations_per_second < 0:
            raise UsageError("The file application's writes must be between 0 and 100 per cent, its rate not below 0.")

    def has(self, project_id: str) -> bool:
        return crc32(project_id.encode()) % self.shares == self.share


class FileApplication:
    """`async with` starts and ends the traffic. The ledger is made before anything is read or written."""

    def __init__(self, database_url: str, traffic: FileTraffic) -> None:
        self._database_url = database_url
        self._traffic = traffic
        self._tree = FileTree(traffic.root)
        self._over = asyncio.Event()
        self._next_at = 0.0
        self._serving: list[asyncio.Task[None]] = []
        self._engine: AsyncEngine | None = None
        self.ledger = Ledger()
        self.account = Account()

    async def __aenter__(self) -> Self:
        self._engine = open_engine(
            self._database_url, application_name="file-application", pool_size=self._traffic.connections
        )
        sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        async with reachable(self._database_url):
            await self._open_ledger(sessions)
        if not self.ledger.projects:
            raise UsageError("There is no project for this share of the file application.")
        reader = Reader(sessions=sessions, tree=self._tree, ledger=self.ledger, account=self.account)
        writer = Writer(sessions=sessions, tree=self._tree, ledger=self.ledger, account=self.account)
        randoms = [Random(f"{self._traffic.seed}:{self._traffic.share}:{n}") for n in range(self._traffic.connections)]
        self._serving = [asyncio.create_task(self._serve(reader, writer, random)) for random in randoms]
        self._serving.append(asyncio.create_task(self._keep_clean()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """What is in hand is finished. Raises what one of its connections died of."""
        self._over.set()
        try:
            await asyncio.gather(*self._serving)
        finally:
            if self._engine is not None:
                await self._engine.dispose()

    async def _open_ledger(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        columns = generations.c
        query = select(
            columns.id, columns.project_id, columns.status, columns.output_files, columns.parent_generation_id
        )
        parents = set()
        async with sessions() as session:
            self.ledger.projects = [name for name in await session.scalars(select(projects.c.id)) if self._has(name)]
            rows = await session.stream(query.execution_options(yield_per=ROWS_AT_ONCE))
            async for row in rows:
                parents.add(row.parent_generation_id)
                if not self._has(row.project_id):
                    self.ledger.foreign.add(row.id)
                    continue
                flat, on_disk = self._on_disk(row.id, read=row.output_files is None)
                texts = of_texts(row.output_files)
                files = on_disk if texts is None else texts
                one = Known(
                    id=row.id, project_id=row.project_id, status=row.status, files=files, flat=flat, in_row=False
                )
                one.in_row = texts is not None
                self.ledger.add(one)
        for one in self.ledger.known.values():
            one.is_parent = one.id in parents

    def _has(self, project_id: str) -> bool:
        return self._traffic.has(project_id)

    def _on_disk(self, generation_id: str, *, read: bool) -> tuple[str | None, Digests | None]:
        folder, zipped = self._tree.flat(generation_id), self._tree.zipped(generation_id)
        if folder.is_dir():
            return FOLDER, digests(read_folder(folder)) if read else None
        if zipped.is_file():
            return ZIP, digests(read_zip(zipped)) if read else None
        return None, None

    async def _serve(self, reader: Reader, writer: Writer, random: Random) -> None:
        async for _ in self._turns():
            try:
                if random.uniform(0, 100) < self._traffic.writes_percent:
                    await writer.write(random)
                else:
                    await reader.read(random)
            except DATABASE_ERRORS as error:
                self.account.note_error(f"{type(error).__name__}: {error}")

    async def _turns(self) -> AsyncIterator[None]:
        """One whenever it is time for the next, over all connections, until it is over."""
        pause = 1 / self._traffic.operations_per_second if self._traffic.operations_per_second else 0.0
        while not self._over.is_set():
            now = time.monotonic()
            due = max(self._next_at, now)
            self._next_at = due + pause
            if due > now:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), due - now)
                    return
            yield

    async def _keep_clean(self) -> None:
        """What lies at the top since more than thirty days goes, whatever it is."""
        while not self._over.is_set():
            for path in await asyncio.to_thread(self._long_there):
                await self._clean(path)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), CLEANS_EVERY_SECONDS)

    def _long_there(self) -> list[Path]:
        since = time.time() - KEEPS_SECONDS
        found = []
        for path in self._tree.root.iterdir():
            with suppress(FileNotFoundError):
                if path.stat(follow_symlinks=False).st_mtime < since:
                    found.append(path)
        return found

    async def _clean(self, path: Path) -> None:
        name = path.name.removesuffix(".zip")
        one = self.ledger.known.get(name)
        if one is None:
            if name not in self.ledger.foreign and self._traffic.share == 0:
                await asyncio.to_thread(remove, path)
                self.account.writes[f"cleaned away: {'a project' if name in self.ledger.projects else 'another'}"] += 1
            return
        async with self.ledger.lock(one.project_id):
            if one.deleted:
                return
            await asyncio.to_thread(remove, path)
            one.flat = None
            if not one.in_row:
                one.files = None
        self.account.writes["cleaned away"] += 1
