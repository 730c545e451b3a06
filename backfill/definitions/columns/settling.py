"""The transactions that write, by the two ways of being right beside live writes.

Where a row's values follow from the row alone, one UPDATE does it: it waits for whoever holds a row, and computes again
from what it finds then. Explicit locks would cost a WAL record for each row. It must not wait while it holds locks
itself for long, so it gives up soon, and the rows that are free are locked and written in a second try.

Where they follow from other rows, a statement that waited would go on computing from the view it had before: the rows
are locked in one statement, and computed and written in the next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import CursorResult, Executable, and_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.columns import statements
from backfill.definitions.columns.declaration import Declaration
from backfill.definitions.walk import Walk
from backfill.definitions.walk.keys import unit_id
from backfill.engine.besides import Stretch
from backfill.engine.protocols import Settled
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.ranges import Key
from backfill.sql.built import run_built
from backfill.sql.plans import walk_in_order
from backfill.sql.transactions import Limits, transaction

# So long it may wait for one row while it holds others. No shorter: the server counts waits for room at the end of the
# table, too, and with several lanes on a busy machine these take some ten milliseconds.
WAIT_MS = 50

Run = Callable[[AsyncConnection, Executable], Awaitable[CursorResult[Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """One declaration on one database."""

    declaration: Declaration
    engine: AsyncEngine
    limits: Limits

    @property
    def _impatient(self) -> Limits:
        return replace(self.limits, lock_timeout_ms=min(WAIT_MS, self.limits.lock_timeout_ms))

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        """Rows by name, in one transaction; in a second one where the first met a lock."""
        if self.declaration.is_row_local:
            try:
                async with transaction(self.engine, self._impatient) as connection:
                    return await write_at_once(connection, self.declaration, unit_ids)
            except BatchFailed as failed:
                if failed.failure is not Failure.CONTENTION:
                    raise
        async with transaction(self.engine, self.limits) as connection:
            return await write_locked(connection, self.declaration, self.declaration.walk.among(unit_ids))

    async def settle_stretch(self, after: Key | None, end: Key, *, units: int) -> Stretch:
        """The next rows of a range, which need not be read before: the range is the condition of the UPDATE."""
        if self.declaration.is_row_local:
            try:
                async with transaction(self.engine, self._impatient) as connection:
                    return await self._stretch(connection, after, end, units)
            except BatchFailed as failed:
                if failed.failure is not Failure.CONTENTION:
                    raise
        async with transaction(self.engine, self.limits) as connection:
            return await self._stretch(connection, after, end, units, with_locks=True)

    async def _stretch(
        self, connection: AsyncConnection, after: Key | None, end: Key, units: int, *, with_locks: bool = False
    ) -> Stretch:
        walk = self.declaration.walk
        await walk_in_order(connection)
        found = (await run_built(connection, statements.stretch_end(walk, (after, end), units))).one_or_none()
        last: Key | None = tuple(found) if found is not None else None
        there = units if last is not None else await self._count(connection, walk, (after, end))
        within = walk.between(after, last or end)
        if with_locks:
            settled = await write_locked(connection, self.declaration, within, only_todo=True)
        else:
            settled = await _write(connection, self.declaration, and_(within, self.declaration.needs_work))
        return Stretch(units=there, last_key=last, written=settled.written, contended=settled.contended)

    async def _count(self, connection: AsyncConnection, walk: Walk, bounds: tuple[Key | None, Key]) -> int:
        return int((await run_built(connection, statements.count(walk, bounds))).scalar_one())


async def write_at_once(
    connection: AsyncConnection, declaration: Declaration, unit_ids: Sequence[str], run: Run = run_built
) -> Settled:
    """Only for what follows from the row alone."""
    return await _write(connection, declaration, declaration.walk.among(unit_ids), run)


async def write_locked(
    connection: AsyncConnection,
    declaration: Declaration,
    within: ColumnElement[bool],
    run: Run = run_built,
    *,
    only_todo: bool = False,
) -> Settled:
    """Locks what is free, then computes: what was not free is contended."""
    walk = declaration.walk
    wanted = and_(declaration.belongs, declaration.differs) if declaration.is_row_local else declaration.belongs
    which = and_(within, declaration.needs_work if only_todo else wanted)
    locked = _ids(await run(connection, statements.lock(walk, which)))
    written = await _write(connection, declaration, walk.among(locked), run) if locked else Settled(written=0)
    contended = _ids(await run_built(connection, statements.left_out(walk, which, locked)))
    return Settled(written=written.written, contended=frozenset(contended))


async def _write(
    connection: AsyncConnection, declaration: Declaration, within: ColumnElement[bool], run: Run = run_built
) -> Settled:
    result = await run(connection, statements.write(declaration, within))
    return Settled(written=result.rowcount)


def _ids(result: CursorResult[Any]) -> list[str]:
    columns = [column or [] for column in result.one()]
    return [unit_id(parts) for parts in zip(*columns, strict=True)]
