"""A batch as a run does it, by the same statements under the same limits, and rolled back; with what it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.engine.protocols import PartSettled, Settled
from backfill.runs.forecast import PAGE_BYTES
from backfill.runs.rehearsed import Rehearsed, Wal
from backfill.sql.rehearsal import Rehearsal, Scales, Stopwatch
from backfill.sql.transactions import Limits, rolled_back
from worker.generations.large import Mark, number_next, read_frontier
from worker.generations.queries import QUERIES, run_sql
from worker.generations.tables import GENERATIONS, TABLES
from worker.generations.whole import Run, settle_projects


def rehearsal(engine: AsyncEngine, limits: Limits) -> Rehearsal:
    return Rehearsal(engine=engine, limits=limits, tables=TABLES, rows_of=GENERATIONS)


async def rehearse(there: Rehearsal, unit_ids: Sequence[str]) -> Rehearsed:
    """One batch of whole projects. Raises BatchFailed like the batch."""
    one, _ = await _rehearse(there, unit_ids, run_sql)
    return one


async def weigh(there: Rehearsal, unit_ids: Sequence[str]) -> Rehearsed:
    """The same twice, for its WAL: the second time hardly any page has to be logged whole any more."""
    async with rolled_back(there.engine, there.limits) as connection:
        found = (await run_sql(connection, "count_pages", {"ids": list(unit_ids)})).one()
    first, again = Scales(folder=QUERIES), Scales(folder=QUERIES)
    one, rows = await _rehearse(there, unit_ids, first.run)
    other, _ = await _rehearse(there, unit_ids, again.run)
    wal = Wal(
        rows=rows,
        bytes=first.bytes,
        images=first.images,
        again_bytes=min(max(again.bytes - again.images * PAGE_BYTES, 0), first.bytes),
        pages=round(found.pages * rows / max(found.rows, 1)),
    )
    updates, hot_updates = one.updates + other.updates, one.hot_updates + other.hot_updates
    return replace(one, written=rows, updates=updates, hot_updates=hot_updates, contended=0, wal=wal)


async def _rehearse(there: Rehearsal, unit_ids: Sequence[str], run: Run) -> tuple[Rehearsed, int]:
    """And the generations that were updated, which the answer of a statement that was run twice does not say."""

    async def settle(connection: AsyncConnection) -> Settled:
        return await settle_projects(connection, unit_ids, run)

    settled, measured = await there.try_out(settle)
    trip_ms, commit_ms = await _commit(there, unit_ids[0])
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


async def rehearse_part(there: Rehearsal, project_id: str, mark: Mark | None, rows: int) -> Rehearsed:
    """One part of a large project, with the looks at where it stands before its first part and after its last.

    Where it is settled or gone, nothing was written.
    """
    stopwatch = Stopwatch()
    known = mark or await read_frontier(there.engine, there.limits, project_id)
    if known is None:
        return Rehearsed(written=0, ms=0.0, commit_ms=0.0, trip_ms=0.0, updates=0, hot_updates=0)

    async def number(connection: AsyncConnection) -> PartSettled:
        return await number_next(connection, project_id, known, rows)

    settled, measured = await there.try_out(number, stopwatch)
    if settled.mark is None:
        stopwatch.go_on()
        await read_frontier(there.engine, there.limits, project_id)
        stopwatch.stop()
    trip_ms, commit_ms = await _commit(there, project_id)
    return Rehearsed(
        written=settled.written,
        ms=stopwatch.ms,
        commit_ms=commit_ms,
        trip_ms=trip_ms,
        updates=measured.updates,
        hot_updates=measured.hot_updates,
        mark=settled.mark,
    )


async def _commit(there: Rehearsal, project_id: str) -> tuple[float, float]:
    async def lock(connection: AsyncConnection) -> None:
        await run_sql(connection, "lock_projects", {"ids": [project_id]})

    return await there.try_commit(lock)
