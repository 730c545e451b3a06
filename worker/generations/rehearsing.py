"""A batch as a run does it, by the same statements under the same limits, and rolled back; with what it took.

A transaction that is rolled back does not wait for the disk. What a commit takes is measured beside it: a second
transaction locks one of the projects again, as any foreign-key check of the application does, and commits. It writes
no column; the flush that it waits for takes the batch's WAL along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

from sqlalchemy import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.runs.forecast import PAGE_BYTES
from backfill.runs.rehearsed import Rehearsed, Wal
from worker.generations.large import Mark, number_next, read_frontier
from worker.generations.transactions import Limits, explain_sql, rolled_back, run_sql
from worker.generations.whole import Run, settle_projects


@dataclass(slots=True)
class _Stopwatch:
    """Milliseconds while it runs: what is counted besides is not the batch's."""

    ms: float = 0.0
    _since: float = field(default_factory=perf_counter)

    def stop(self) -> None:
        self.ms += (perf_counter() - self._since) * 1000

    def go_on(self) -> None:
        self._since = perf_counter()


@dataclass(slots=True)
class _Scales:
    """Runs each statement twice, weighed and for its answer. The second time finds locks held and rows written."""

    bytes: int = 0
    images: int = 0

    async def run(self, connection: AsyncConnection, name: str, parameters: Mapping[str, Any]) -> CursorResult[Any]:
        self._add(await explain_sql(connection, name, parameters, weigh=True))
        return await run_sql(connection, name, parameters)

    def _add(self, plan: Mapping[str, Any]) -> None:
        """A step's numbers include those below it, but not always those of a step that writes in a WITH."""
        writing = _writing_below(plan)
        apart = sum(int(step["WAL Bytes"]) for step in writing) > int(plan["WAL Bytes"])
        for step in writing if apart else [plan]:
            self.bytes += int(step["WAL Bytes"])
            self.images += int(step["WAL FPI"])


def _writing_below(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for step in plan.get("Plans", ()):
        found += [step] if step["Node Type"] == "ModifyTable" else _writing_below(step)
    return found


async def rehearse(engine: AsyncEngine, limits: Limits, unit_ids: Sequence[str]) -> Rehearsed:
    """One batch of whole projects. Raises BatchFailed like the batch."""
    one, _ = await _rehearse(engine, limits, unit_ids, run_sql)
    return one


async def weigh(engine: AsyncEngine, limits: Limits, unit_ids: Sequence[str]) -> Rehearsed:
    """The same twice, for its WAL: the second time hardly any page has to be logged whole any more."""
    async with rolled_back(engine, limits) as connection:
        found = (await run_sql(connection, "count_pages", {"ids": list(unit_ids)})).one()
    first, again = _Scales(), _Scales()
    one, rows = await _rehearse(engine, limits, unit_ids, first.run)
    other, _ = await _rehearse(engine, limits, unit_ids, again.run)
    wal = Wal(
        rows=rows,
        bytes=first.bytes,
        images=first.images,
        again_bytes=min(max(again.bytes - again.images * PAGE_BYTES, 0), first.bytes),
        pages=round(found.pages * rows / max(found.rows, 1)),
    )
    updates, hot_updates = one.updates + other.updates, one.hot_updates + other.hot_updates
    return replace(one, written=rows, updates=updates, hot_updates=hot_updates, contended=0, wal=wal)


async def _rehearse(engine: AsyncEngine, limits: Limits, unit_ids: Sequence[str], run: Run) -> tuple[Rehearsed, int]:
    """And the generations that were updated, which the answer of a statement that was run twice does not say."""
    stopwatch = _Stopwatch()
    async with rolled_back(engine, limits) as connection:
        stopwatch.stop()
        before = await _updates(connection)
        stopwatch.go_on()
        settled = await settle_projects(connection, unit_ids, run)
        stopwatch.stop()
        after = await _updates(connection)
    trip_ms, commit_ms = await _commit(engine, limits, unit_ids[0])
    one = Rehearsed(
        written=settled.written,
        ms=stopwatch.ms,
        commit_ms=commit_ms,
        trip_ms=trip_ms,
        updates=after.updates - before.updates,
        hot_updates=after.hot_updates - before.hot_updates,
        contended=len(settled.contended),
    )
    return one, after.rows - before.rows


async def rehearse_part(
    engine: AsyncEngine, limits: Limits, project_id: str, mark: Mark | None, rows: int
) -> Rehearsed:
    """One part of a large project, with the looks at where it stands before its first part and after its last.

    Where it is settled or gone, nothing was written.
    """
    stopwatch = _Stopwatch()
    mark = mark or await read_frontier(engine, limits, project_id)
    if mark is None:
        return Rehearsed(written=0, ms=0.0, commit_ms=0.0, trip_ms=0.0, updates=0, hot_updates=0)
    async with rolled_back(engine, limits) as connection:
        stopwatch.stop()
        before = await _updates(connection)
        stopwatch.go_on()
        settled = await number_next(connection, project_id, mark, rows)
        stopwatch.stop()
        after = await _updates(connection)
    if settled.mark is None:
        stopwatch.go_on()
        await read_frontier(engine, limits, project_id)
        stopwatch.stop()
    trip_ms, commit_ms = await _commit(engine, limits, project_id)
    return Rehearsed(
        written=settled.written,
        ms=stopwatch.ms,
        commit_ms=commit_ms,
        trip_ms=trip_ms,
        updates=after.updates - before.updates,
        hot_updates=after.hot_updates - before.hot_updates,
        mark=settled.mark,
    )


async def _updates(connection: AsyncConnection) -> Any:
    return (await run_sql(connection, "count_updates", {})).one()


async def _commit(engine: AsyncEngine, limits: Limits, project_id: str) -> tuple[float, float]:
    """Milliseconds of a small statement and of the commit after it."""
    async with rolled_back(engine, limits) as connection:
        began = perf_counter()
        await run_sql(connection, "lock_projects", {"ids": [project_id]})
        locked = perf_counter()
        await connection.commit()
        return (locked - began) * 1000, (perf_counter() - locked) * 1000
