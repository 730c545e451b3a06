"""One unit of work of the next release: an ORM session whose flushes go into the journal.

What a flush writes first is the ORM's decision. The session works on a connection that other transactions use without
it; its errors leave as the driver's own, as theirs do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from tests.proof.journal import Change, Journal, Transaction
from tests.proof.session import DEFAULTS, RowMissing, decided
from tests.support.next_release import Generation, Project
from worker.demo.old_application.connections import DATABASE_ERRORS

# What is computed by others too has rules of its own; a place that is not given is not written.
_NOT_TOLD = {"projects": {"latest_version", "active_generation_id"}, "generations": {"is_active", "storage_path"}}
_UNMAPPED = {"projects": {"constraints": None, "settings": None}, "generations": {}}


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    session: AsyncSession
    transaction: Transaction

    async def project(self, project_id: str, *, lock: bool = False) -> Project:
        """`lock`: as a release does that wants to be sure of what it read."""
        found = await self.session.get(Project, project_id, with_for_update={"key_share": True} if lock else None)
        if found is None:
            raise RowMissing(f"the ORM found no project {project_id}")
        return found

    async def flush(self) -> None:
        """Everything that is new or changed, with the numbers that it got."""
        new = [row for row in self.session.new if isinstance(row, Project | Generation)]
        changed = [row for row in self.session.dirty if self.session.is_modified(row)]
        await self.session.flush()
        stamp: datetime = (await self.session.execute(select(func.clock_timestamp()))).scalar_one()
        for row in new:
            await self.session.refresh(row)
            self._note(Change.INSERT, row, stamp)
        for row in changed:
            await self.session.refresh(row)
            self._note(Change.UPDATE, row, stamp)

    def _note(self, change: Change, row: object, stamp: datetime) -> None:
        assert isinstance(row, Project | Generation)
        table = row.__tablename__
        values: dict[str, object] = {"status": row.status, "updated_at": row.updated_at}
        if change is Change.INSERT:
            mapped = {key: getattr(row, key) for key in type(row).__mapper__.column_attrs.keys()}  # noqa: SIM118 - no dict
            told = {key: value for key, value in mapped.items() if key not in _NOT_TOLD[table]}
            values = {**DEFAULTS[table], **_UNMAPPED[table], **told}
        self.transaction.write(change, table, row.id, values).stamp = stamp


@asynccontextmanager
async def unit_of_work(connection: AsyncConnection, journal: Journal, kind: str) -> AsyncIterator[UnitOfWork]:
    """BEGIN to COMMIT. Every error is raised; what it means for the rows is in the journal by then."""
    noted = Transaction(kind=kind)
    session = AsyncSession(connection, expire_on_commit=False, autoflush=False)
    try:
        with _driver_errors():
            yield UnitOfWork(session, noted)
    except BaseException:
        with suppress(*DATABASE_ERRORS):
            await session.close()
        raise
    async with decided(journal, noted):
        with _driver_errors():
            await session.commit()


@contextmanager
def _driver_errors() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        cause = error.orig.__cause__ if error.orig is not None else None
        raise (cause or error) from error
