"""Work in a transaction that is rolled back, with what it took: time, row versions, WAL.

A transaction that is rolled back does not wait for the disk. What a commit takes is measured beside it: a second
transaction takes one of the locks again, as any foreign-key check of the application does, and commits. It writes
no column; the flush that it waits for takes the work's WAL along.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeVar

from sqlalchemy import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.sql.folder import QUERIES, Queries
from backfill.sql.tables import TableName, as_parameters
from backfill.sql.transactions import Limits, rolled_back

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]


@dataclass(slots=True)
class Stopwatch:
    """Milliseconds while it runs: what is counted besides is not the batch's."""

    ms: float = 0.0
    _since: float = field(default_factory=perf_counter)

    def stop(self) -> None:
        self.ms += (perf_counter() - self._since) * 1000

    def go_on(self) -> None:
        self._since = perf_counter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`updates` are new row versions in all tables, `rows` those in the table whose rows a run writes."""

    ms: float
    updates: int
    hot_updates: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """On one database. `rows_of` is the one of `tables` whose rows a run writes."""

    engine: AsyncEngine
    limits: Limits
    tables: tuple[TableName, ...]
    rows_of: TableName

    async def try_out(self, work: Work[T], stopwatch: Stopwatch | None = None) -> tuple[T, Measured]:
        """Raises BatchFailed like the work itself. A stopwatch that runs already goes on."""
        stopwatch = stopwatch or Stopwatch()
        async with rolled_back(self.engine, self.limits) as connection:
            stopwatch.stop()
            before = await self._updates(connection)
            stopwatch.go_on()
            done = await work(connection)
            stopwatch.stop()
            after = await self._updates(connection)
        measured = Measured(
            ms=stopwatch.ms,
            updates=after.updates - before.updates,
            hot_updates=after.hot_updates - before.hot_updates,
            rows=after.rows - before.rows,
        )
        return done, measured

    async def try_commit(self, small: Work[Any]) -> tuple[float, float]:
        """Milliseconds of a small statement that locks, and of the commit after it."""
        async with rolled_back(self.engine, self.limits) as connection:
            began = perf_counter()
            await small(connection)
            locked = perf_counter()
            await connection.commit()
            return (locked - began) * 1000, (perf_counter() - locked) * 1000

    async def _updates(self, connection: AsyncConnection) -> Any:
        parameters = {**as_parameters(self.tables), "rows_of": self.rows_of.name}
        return (await QUERIES.run(connection, "count_updates", parameters)).one()


@dataclass(slots=True)
class Weight:
    """What weighed plans have put into the WAL, added up."""

    bytes: int = 0
    images: int = 0

    def add(self, plan: Mapping[str, Any]) -> None:
        """A step's numbers include those below it, but not always those of a step that writes in a WITH."""
        writing = _writing_below(plan)
        apart = sum(int(step["WAL Bytes"]) for step in writing) > int(plan["WAL Bytes"])
        for step in writing if apart else [plan]:
            self.bytes += int(step["WAL Bytes"])
            self.images += int(step["WAL FPI"])


@dataclass(slots=True)
class Scales(Weight):
    """Runs each statement twice, weighed and for its answer. The second time finds locks held and rows written."""

    folder: Queries = QUERIES

    async def run(self, connection: AsyncConnection, name: str, parameters: Mapping[str, Any]) -> CursorResult[Any]:
        self.add(await self.folder.explain(connection, name, parameters, weigh=True))
        return await self.folder.run(connection, name, parameters)


def _writing_below(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for step in plan.get("Plans", ()):
        found += [step] if step["Node Type"] == "ModifyTable" else _writing_below(step)
    return found
