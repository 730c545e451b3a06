"""A batch as a run does it, by the same statements under the same limits, and rolled back; with what it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.engine.protocols import Settled
from backfill.runs.forecast import PAGE_BYTES
from backfill.runs.rehearsed import Rehearsed, Wal
from backfill.sql.rehearsal import Scales
from backfill.sql.transactions import rolled_back

if TYPE_CHECKING:
    from backfill.definitions.groups.bound import GroupsBackfill, Run


async def rehearse(backfill: GroupsBackfill, unit_ids: Sequence[str]) -> Rehearsed:
    """One batch of whole units. Raises BatchFailed like the batch."""
    one, _ = await _rehearse(backfill, unit_ids, backfill.queries.run)
    return one


async def weigh(backfill: GroupsBackfill, unit_ids: Sequence[str]) -> Rehearsed:
    """The same twice, for its WAL: the second time hardly any page has to be logged whole any more."""
    async with rolled_back(backfill.engine, backfill.limits) as connection:
        found = (await backfill.queries.run(connection, "count_pages", {"ids": list(unit_ids)})).one()
    first, again = Scales(folder=backfill.queries), Scales(folder=backfill.queries)
    one, rows = await _rehearse(backfill, unit_ids, first.run)
    other, _ = await _rehearse(backfill, unit_ids, again.run)
    wal = Wal(
        rows=rows,
        bytes=first.bytes,
        images=first.images,
        again_bytes=min(max(again.bytes - again.images * PAGE_BYTES, 0), first.bytes),
        pages=round(found.pages * rows / max(found.rows, 1)),
    )
    updates, hot_updates = one.updates + other.updates, one.hot_updates + other.hot_updates
    return replace(one, written=rows, updates=updates, hot_updates=hot_updates, contended=0, wal=wal)


async def _rehearse(backfill: GroupsBackfill, unit_ids: Sequence[str], run: Run) -> tuple[Rehearsed, int]:
    """And the rows that were updated, which the answer of a statement that was run twice does not say."""
    there = backfill.rehearsal

    async def settle(connection: AsyncConnection) -> Settled:
        return await backfill.settle_in(connection, unit_ids, run)

    settled, measured = await there.try_out(settle)
    trip_ms, commit_ms = await commit(backfill, unit_ids[0])
    one = Rehearsed(
        written=settled.written,
        ms=measured.ms,
        commit_ms=commit_ms,
        trip_ms=trip_ms,
        updates=measured.updates,
        hot_updates=measured.hot_updates,
        contended=len(settled.contended),
    )
    return one, measured.rows


async def commit(backfill: GroupsBackfill, unit_id: str) -> tuple[float, float]:
    """Milliseconds of a lock on that unit, and of the commit after it."""

    async def lock(connection: AsyncConnection) -> None:
        await backfill.lock_in(connection, [unit_id], backfill.queries.run)

    return await backfill.rehearsal.try_commit(lock)
