"""What the engine asks of units that are settled whole, but for the statements themselves.

Every method that the engine calls opens its transaction and leaves the work to one that ends in `_in`, which has the
connection; a rehearsal runs the same ones and rolls back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, ClassVar

from sqlalchemy import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.definitions.groups import rehearsing
from backfill.engine.protocols import CheckedPage, PartSettled, Settled
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.findings import Finding, Rule
from backfill.runs.forecast import Amount
from backfill.runs.preview import StatementPlan, Survey, TableSize
from backfill.runs.ranges import Key, Plan, Unit
from backfill.runs.rehearsed import Rehearsed
from backfill.sql.database import leads_to
from backfill.sql.folder import Queries
from backfill.sql.needs import Needs
from backfill.sql.plans import StatementsOfRun
from backfill.sql.privileges import Rights, closed_to_writes, missing_privileges
from backfill.sql.rehearsal import Rehearsal
from backfill.sql.schema import check_catalog, check_statistics, read_found
from backfill.sql.survey import indexes_on, survey_server, table_sizes
from backfill.sql.tables import TableName
from backfill.sql.transactions import Limits, rolled_back, transaction
from backfill.sql.wal import wal_written

Run = Callable[[AsyncConnection, str, Mapping[str, Any]], Awaitable[CursorResult[Any]]]
"""Runs a statement by its name: as a run does it, or twice, to weigh it."""

TOO_LARGE = "the unit is too large to be settled in one transaction, and the definition has no settle_part"


class GroupsBackfill(ABC):
    """`tables` are those of the units and of the rows, in this order; `written` are columns of the rows."""

    name: str
    rules: Sequence[Rule]
    needs: ClassVar[Needs]
    rights: ClassVar[Rights]
    tables: ClassVar[tuple[TableName, TableName]]
    written: ClassVar[tuple[str, ...]]
    queries: ClassVar[Queries]
    statements: ClassVar[StatementsOfRun]

    def __init__(self, engine: AsyncEngine, limits: Limits) -> None:
        self.engine = engine
        self.limits = limits

    @abstractmethod
    async def plan(self, ranges: int) -> Plan: ...

    @abstractmethod
    async def page_in(
        self, connection: AsyncConnection, bounds: tuple[Key | None, Key], *, units: int, row_cap: int
    ) -> tuple[Unit, ...]: ...

    @abstractmethod
    async def units_in(
        self, connection: AsyncConnection, unit_ids: Collection[str], *, row_cap: int
    ) -> tuple[Unit, ...]: ...

    @abstractmethod
    async def count_in(self, connection: AsyncConnection, unit_id: str) -> int:
        """All rows of one unit."""

    @abstractmethod
    async def lock_in(self, connection: AsyncConnection, unit_ids: Sequence[str], run: Run) -> list[str]:
        """Locks the units themselves without waiting; those that are locked."""

    @abstractmethod
    async def settle_in(self, connection: AsyncConnection, unit_ids: Sequence[str], run: Run) -> Settled:
        """Locks in one statement and computes in the next."""

    @abstractmethod
    async def check_in(
        self, connection: AsyncConnection, bounds: tuple[Key | None, Key | None], *, units: int
    ) -> CheckedPage: ...

    @abstractmethod
    async def amount_in(self, connection: AsyncConnection, tables: tuple[TableSize, ...]) -> Amount:
        """How much there is and is left; `hot_possible` is filled in by the caller."""

    @abstractmethod
    def parameters_for(self, units: Sequence[Unit]) -> Mapping[str, Mapping[str, Any]]:
        """By the name of each of `statements`: what it is asked with for a batch of these units."""

    async def check_schema(self) -> tuple[Finding, ...]:
        async with transaction(self.engine, self.limits) as connection:
            findings = await check_catalog(connection, self.needs)
            statistics = await check_statistics(connection, self.tables)
        return (*findings, statistics) if statistics else findings

    async def check_privileges(self, *, writes: bool) -> tuple[Finding, ...]:
        async with transaction(self.engine, self.limits) as connection:
            closed = await closed_to_writes(connection, leads_to(self.engine), writes=writes)
            return (*await missing_privileges(connection, self.rights, writes=writes), *closed)

    async def wal_written(self) -> int:
        return await wal_written(self.engine, self.limits)

    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        async with transaction(self.engine, self.limits) as connection:
            return await self.page_in(connection, (after, end), units=units, row_cap=row_cap)

    async def read_units(self, unit_ids: Collection[str], *, row_cap: int) -> tuple[Unit, ...]:
        async with transaction(self.engine, self.limits) as connection:
            return await self.units_in(connection, unit_ids, row_cap=row_cap)

    async def count_rows(self, unit_id: str) -> int:
        async with self.scanning() as connection:
            return await self.count_in(connection, unit_id)

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        async with transaction(self.engine, self.limits) as connection:
            return await self.settle_in(connection, unit_ids, self.queries.run)

    async def settle_part(self, unit_id: str, mark: str | None, *, rows: int) -> PartSettled:
        """Whole, where the definition knows no parts. Raises BatchFailed, which says so where that takes too long."""
        try:
            settled = await self.settle([unit_id])
        except BatchFailed as failed:
            if failed.failure is not Failure.TIMEOUT:
                raise
            raise BatchFailed(Failure.ROW, TOO_LARGE, sqlstate=failed.sqlstate) from None
        if settled.contended:
            raise BatchFailed(Failure.CONTENTION, "the unit or one of its rows is locked", sqlstate=None)
        return PartSettled(written=settled.written, mark=None, finished=True)

    async def check_page(self, after: Key | None, end: Key | None, *, units: int) -> CheckedPage:
        async with self.scanning() as connection:
            return await self.check_in(connection, (after, end), units=units)

    async def survey(self) -> Survey:
        units, rows = self.tables
        async with self.scanning() as connection:
            sizes = await table_sizes(connection, (units, rows))
            found = await read_found(connection, self.needs)
            hindering = await indexes_on(connection, rows, self.written)
            needed = {index.name for index in self.needs.indexes}
            return Survey(
                amount=replace(await self.amount_in(connection, sizes), hot_possible=not hindering),
                tables=sizes,
                triggers=tuple(
                    (f"{need.table}.{need.name}", any(one.is_for(need) and one.enabled for one in found.triggers))
                    for need in self.needs.triggers
                ),
                invalid_indexes=tuple(
                    index.name for index in found.indexes if not index.valid and index.name not in needed
                ),
                hindering_indexes=hindering,
                server=await survey_server(connection),
            )

    async def explain(self, units: Sequence[Unit], *, writes: bool) -> tuple[StatementPlan, ...]:
        if not units:
            return ()
        async with rolled_back(self.engine, self.limits) as connection:
            return await self.statements.explain(connection, self.parameters_for(units), writes=writes)

    async def rehearse(self, unit_ids: Sequence[str], *, weigh: bool) -> Rehearsed:
        take = rehearsing.weigh if weigh else rehearsing.rehearse
        return await take(self, unit_ids)

    async def rehearse_part(self, unit_id: str, mark: str | None, *, rows: int) -> Rehearsed:
        return await self.rehearse([unit_id], weigh=False)

    @property
    def rehearsal(self) -> Rehearsal:
        return Rehearsal(engine=self.engine, limits=self.limits, tables=self.tables, rows_of=self.tables[1])

    def scanning(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction for what only reads and may take longer."""
        return transaction(self.engine, self.limits, statement_timeout_ms=self.limits.scan_timeout_ms)
