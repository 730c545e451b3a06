"""A declaration on one database: what the engine asks of a backfill. Every method is one transaction, or says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import false
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.columns import previewing
from backfill.definitions.columns.declaration import Declaration
from backfill.definitions.columns.needs import DIFFERS, needs_of, rights_of, rules_of, tables_of
from backfill.definitions.columns.settling import Writer
from backfill.definitions.walk import (
    CHECKED_ROWS,
    Breach,
    check_partitions,
    check_rest,
    check_rows,
    places_of,
    plan,
    read_page,
    read_units,
)
from backfill.engine.besides import Stretch
from backfill.engine.protocols import CheckedPage, PartSettled, Settled
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.findings import Finding, Rule
from backfill.runs.preview import StatementPlan, Survey
from backfill.runs.ranges import Key, Plan, Unit
from backfill.runs.rehearsed import Rehearsed
from backfill.sql.database import leads_to
from backfill.sql.privileges import closed_to_writes, missing_privileges
from backfill.sql.schema import check_catalog, check_statistics
from backfill.sql.transactions import Limits, rolled_back, transaction
from backfill.sql.wal import wal_written

T = TypeVar("T")


class ColumnsBackfill:
    """A unit is one row, its id the primary key."""

    most_checked = CHECKED_ROWS

    def __init__(self, declaration: Declaration, engine: AsyncEngine, limits: Limits) -> None:
        self.name = declaration.name
        self.rules: Sequence[Rule] = rules_of(declaration)
        self.batch_rows = declaration.batch_rows
        self._declaration = declaration
        self._walk = declaration.walk
        self._engine = engine
        self._limits = limits
        self._scanning = replace(limits, statement_timeout_ms=limits.scan_timeout_ms)
        self._writer = Writer(declaration=declaration, engine=engine, limits=limits)

    async def check_schema(self) -> tuple[Finding, ...]:
        async with transaction(self._engine, self._limits) as connection:
            findings = await check_catalog(connection, needs_of(self._declaration))
            divided = await check_partitions(connection, self._walk)
            statistics = await check_statistics(connection, tables_of(self._declaration))
        return (*findings, *divided, *([statistics] if statistics else []))

    async def check_privileges(self, *, writes: bool) -> tuple[Finding, ...]:
        async with transaction(self._engine, self._limits) as connection:
            closed = await closed_to_writes(connection, leads_to(self._engine), writes=writes)
            return (*await missing_privileges(connection, rights_of(self._declaration), writes=writes), *closed)

    async def plan(self, ranges: int) -> Plan:
        async with transaction(self._engine, self._scanning) as connection:
            return await plan(connection, self._walk, ranges)

    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        async def read(todo: ColumnElement[bool]) -> tuple[Unit, ...]:
            async with transaction(self._engine, self._limits) as connection:
                return await read_page(connection, self._walk, (after, end), todo, units=units)

        return await self._looking(read)

    async def read_units(self, unit_ids: Collection[str], *, row_cap: int) -> tuple[Unit, ...]:
        async def read(todo: ColumnElement[bool]) -> tuple[Unit, ...]:
            async with transaction(self._engine, self._limits) as connection:
                return await read_units(connection, self._walk, unit_ids, todo)

        return await self._looking(read)

    async def _looking(self, read: Callable[[ColumnElement[bool]], Awaitable[T]]) -> T:
        """`read` with what finds work; where that fails for a row, without looking: a batch finds out which one."""
        try:
            return await read(self._declaration.needs_work)
        except BatchFailed as failed:
            if failed.failure is not Failure.ROW:
                raise
            return await read(self._declaration.may_need_work)

    async def count_rows(self, unit_id: str) -> int:
        return len(await self.read_units([unit_id], row_cap=1))

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        return await self._writer.settle(unit_ids)

    async def settle_part(self, unit_id: str, mark: str | None, *, rows: int) -> PartSettled:
        """One row has no parts."""
        settled = await self.settle([unit_id])
        return PartSettled(written=settled.written, mark=None, finished=not settled.contended)

    async def settle_stretch(self, after: Key | None, end: Key, *, units: int) -> Stretch:
        return await self._writer.settle_stretch(after, end, units=units)

    async def check_page(self, after: Key | None, end: Key | None, *, units: int) -> CheckedPage:
        """Fewer than `units` where there is a row among them for which an expression fails: that one by itself."""
        try:
            async with transaction(self._engine, self._scanning) as connection:
                return await check_rows(connection, self._walk, (after, end), self._breaches, units=units)
        except BatchFailed as failed:
            if failed.failure is not Failure.ROW:
                raise
            if units > 1:
                return await self.check_page(after, end, units=units // 2)
            return await self._failing(after, end)

    async def check_rest(self, after: Key | None, end: Key, *, units: int) -> CheckedPage | None:
        try:
            async with transaction(self._engine, self._scanning) as connection:
                return await check_rest(connection, self._walk, (after, end), self._breaches, units=units)
        except BatchFailed as failed:
            if failed.failure not in (Failure.ROW, Failure.TIMEOUT):
                raise
            return None

    @property
    def _breaches(self) -> tuple[Breach, ...]:
        return (Breach(rule=DIFFERS, broken=self._declaration.broken),)

    async def _failing(self, after: Key | None, end: Key | None) -> CheckedPage:
        async with transaction(self._engine, self._limits) as connection:
            (unit,) = await read_page(connection, self._walk, (after, end), false(), units=1)
        finding = Finding(rule=DIFFERS, is_error=True, count=1, examples=(unit.id,))
        return CheckedPage(units=1, last_key=unit.key, findings=(finding,))

    async def places_of(self, keys: Sequence[Key]) -> Sequence[int]:
        async with transaction(self._engine, self._limits) as connection:
            return await places_of(connection, self._walk, keys)

    async def wal_written(self) -> int:
        return await wal_written(self._engine, self._limits)

    async def survey(self) -> Survey:
        async def look(todo: ColumnElement[bool]) -> Survey:
            async with transaction(self._engine, self._scanning) as connection:
                return await previewing.survey(connection, self._declaration, todo)

        return await self._looking(look)

    async def explain(self, units: Sequence[Unit], *, writes: bool) -> tuple[StatementPlan, ...]:
        if not units:
            return ()
        async with rolled_back(self._engine, self._limits) as connection:
            return await previewing.explain(connection, self._declaration, units, writes=writes)

    async def rehearse(self, unit_ids: Sequence[str], *, weigh: bool) -> Rehearsed:
        there = previewing.rehearsal(self._declaration, self._engine, self._limits)
        take = previewing.weigh if weigh else previewing.rehearse
        return await take(self._declaration, there, unit_ids)

    async def rehearse_part(self, unit_id: str, mark: str | None, *, rows: int) -> Rehearsed:
        return await self.rehearse([unit_id], weigh=False)
