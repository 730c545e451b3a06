"""A part of a large project as a run does it, by the same statements under the same limits, and rolled back."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.definitions.groups import GroupsBackfill
from backfill.definitions.groups.rehearsing import commit
from backfill.engine.protocols import PartSettled
from backfill.runs.rehearsed import Rehearsed
from backfill.sql.rehearsal import Stopwatch
from worker.generations.large import Mark, number_next, read_frontier


async def rehearse_part(backfill: GroupsBackfill, project_id: str, mark: Mark | None, rows: int) -> Rehearsed:
    """One part of a large project, with the looks at where it stands before its first part and after its last.

    Where it is settled or gone, nothing was written.
    """
    stopwatch = Stopwatch()
    known = mark or await read_frontier(backfill.engine, backfill.limits, project_id)
    if known is None:
        return Rehearsed(written=0, ms=0.0, commit_ms=0.0, trip_ms=0.0, updates=0, hot_updates=0)

    async def number(connection: AsyncConnection) -> PartSettled:
        return await number_next(connection, project_id, known, rows)

    settled, measured = await backfill.rehearsal.try_out(number, stopwatch)
    if settled.mark is None:
        stopwatch.go_on()
        await read_frontier(backfill.engine, backfill.limits, project_id)
        stopwatch.stop()
    trip_ms, commit_ms = await commit(backfill, project_id)
    return Rehearsed(
        written=settled.written,
        ms=stopwatch.ms,
        commit_ms=commit_ms,
        trip_ms=trip_ms,
        updates=measured.updates,
        hot_updates=measured.hot_updates,
        mark=settled.mark,
    )
