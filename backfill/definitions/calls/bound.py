"""A definition of calls, bound to a database: read, call outside of any transaction, write by compare-and-set."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.definitions.calls import checking
from backfill.definitions.calls.answers import Raised
from backfill.definitions.calls.calling import Caller
from backfill.definitions.calls.given import same, values_of
from backfill.definitions.calls.needs import needs_of, rights_of
from backfill.definitions.calls.previewing import explain, rehearse, survey
from backfill.definitions.calls.reading import Seen, read_rows, rows_named
from backfill.definitions.calls.spec import Spec
from backfill.definitions.calls.writing import New, Writing
from backfill.definitions.walk import check_partitions, places_of, plan, read_page, read_units
from backfill.engine.protocols import CheckedPage, PartSettled, Settled
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.findings import Finding, Rule, merge
from backfill.runs.preview import StatementPlan, Survey
from backfill.runs.ranges import Key, Plan, Unit
from backfill.runs.rehearsed import Rehearsed
from backfill.sql.database import leads_to
from backfill.sql.needs import Needs
from backfill.sql.privileges import Rights, closed_to_writes, missing_privileges
from backfill.sql.schema import check_catalog, check_statistics
from backfill.sql.transactions import Limits, rolled_back, transaction
from backfill.sql.wal import wal_written

# Until it is known how many there is time for.
FIRST_ROWS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """What came of the calls for a batch: what to write, whose call raised, and rows that no time was left for.

    `done` calls gave something, or nothing where that is what the function is for. `contended` rows were changed since
    they were read, or somebody holds them.
    """

    news: dict[str, New]
    refused: dict[str, BatchFailed]
    left: frozenset[str]
    calls: int
    contended: frozenset[str] = frozenset()

    @property
    def done(self) -> int:
        return self.calls - len(self.refused)


class Calls:
    """The backfill on one database. The caller, which bounds the calls, is the process's."""

    def __init__(
        self, engine: AsyncEngine, limits: Limits, spec: Spec, caller: Callable[[], Caller], besides: Sequence[Any]
    ) -> None:
        self.name = spec.name
        self.rules: Sequence[Rule] = checking.rules_of(spec)
        self.computing_seconds = spec.terms.longest_seconds
        self.engine = engine
        self.limits = limits
        self.spec = spec
        self._caller = caller
        self._besides = besides

    @staticmethod
    def needs_of(spec: Spec) -> Needs:
        """A subclass adds what else it reads and writes."""
        return needs_of(spec)

    @staticmethod
    def rights_of(spec: Spec) -> Rights:
        return rights_of(spec)

    async def check_schema(self) -> tuple[Finding, ...]:
        async with transaction(self.engine, self.limits) as connection:
            findings = await check_catalog(connection, self.needs_of(self.spec))
            divided = await check_partitions(connection, self.spec.walk)
            statistics = await check_statistics(connection, (self.spec.walk.name,))
        own = (statistics, checking.not_found(self.spec), checking.unkept(self.spec), checking.unchecked(self.spec))
        return (*findings, *divided, *(finding for finding in own if finding is not None))

    async def check_privileges(self, *, writes: bool) -> tuple[Finding, ...]:
        async with transaction(self.engine, self.limits) as connection:
            closed = await closed_to_writes(connection, leads_to(self.engine), writes=writes)
            return (*await missing_privileges(connection, self.rights_of(self.spec), writes=writes), *closed)

    async def plan(self, ranges: int) -> Plan:
        async with self._scanning() as connection:
            return await plan(connection, self.spec.walk, ranges)

    async def places_of(self, keys: Sequence[Key]) -> Sequence[int]:
        async with transaction(self.engine, self.limits) as connection:
            return await places_of(connection, self.spec.walk, keys)

    async def wal_written(self) -> int:
        return await wal_written(self.engine, self.limits)

    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        async with transaction(self.engine, self.limits) as connection:
            return await read_page(connection, self.spec.walk, (after, end), self.spec.to_do, units=units)

    async def read_units(self, unit_ids: Collection[str], *, row_cap: int) -> tuple[Unit, ...]:
        async with transaction(self.engine, self.limits) as connection:
            return await read_units(connection, self.spec.walk, unit_ids, self.spec.to_do)

    async def count_rows(self, unit_id: str) -> int:
        return len(await self.read_units([unit_id], row_cap=1))

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        called = await self.called(unit_ids)
        try:
            ready = await self.before_writing(called)
            settled = await Writing(self.engine, self.limits, self.spec, ready.news).write()
        finally:
            await self.dismiss(called)
        return Settled(
            written=settled.written if self.spec.writes else ready.done,
            contended=settled.contended | ready.contended,
            refused={**ready.refused, **settled.refused},
            left=ready.left,
            locked_ms=settled.locked_ms,
        )

    async def settle_part(self, unit_id: str, mark: str | None, *, rows: int) -> PartSettled:
        settled = await self.settle([unit_id])
        if unit_id in settled.refused:
            raise settled.refused[unit_id]
        if settled.contended:
            raise BatchFailed(Failure.CONTENTION, "the row was changed, or is locked", sqlstate=None)
        return PartSettled(written=settled.written, mark=None, finished=True)

    async def called(self, unit_ids: Sequence[str]) -> Called:
        """Those of the units that are still to do, as many as there is time for: one at least."""
        caller = self._caller()
        most = min(caller.expected_rows() or FIRST_ROWS, self.spec.batch_rows)
        asked, later = unit_ids[:most], unit_ids[most:]
        async with transaction(self.engine, self.limits) as connection:
            found = await read_rows(connection, self.spec, and_(rows_named(self.spec, asked), self.spec.to_do))
        by_id = {one.unit_id: one for one in found}
        seen = [by_id[unit_id] for unit_id in asked if unit_id in by_id]
        answers = await caller.answers([one.row for one in seen], *self._besides) if seen else []
        left: list[str] = [*later]
        if len(answers) < len(seen):
            left = [*asked[asked.index(seen[len(answers)].unit_id) :], *later]
        called = Called(news={}, refused={}, left=frozenset(left), calls=len(answers))
        for one, answer in zip(seen, answers, strict=False):
            values = values_of(answer, self.spec)
            if isinstance(values, Raised):
                called.refused[one.unit_id] = BatchFailed(Failure.ROW, values.reason, sqlstate=None)
            elif values is not None and not same(values, one.written):
                called.news[one.unit_id] = New(seen=one, values=values, given=getattr(answer, "value", None))
        return called

    async def before_writing(self, called: Called) -> Called:
        """For a subclass: what has to come before the rows are told of it. What it leaves out is not written."""
        return called

    async def dismiss(self, called: Called) -> None:
        """For a subclass: the values are written, or are not going to be, as in a rehearsal."""

    async def check_page(self, after: Key | None, end: Key | None, *, units: int) -> CheckedPage:
        caller, seen = self._caller(), tuple[Seen, ...]()
        if self.spec.recomputes:
            units = min(units, caller.expected_rows() or FIRST_ROWS, self.spec.batch_rows)
        async with self._scanning() as connection:
            page = await checking.check_by_sql(connection, self.spec, (after, end), units=units)
            if self.spec.recomputes:
                within = self.spec.walk.between(after, page.last_key or end)
                seen = await read_rows(connection, self.spec, and_(within, self.spec.not_to_do))
        if not seen:
            return page
        again = await checking.compared(seen, self.spec, caller, self._besides)
        return CheckedPage(
            units=page.units,
            last_key=page.last_key,
            findings=merge([*page.findings, *again.findings]),
            mendable=(*page.mendable, *again.mendable),
        )

    async def survey(self) -> Survey:
        async with self._scanning() as connection:
            return await survey(connection, self.spec)

    async def explain(self, units: Sequence[Unit], *, writes: bool) -> tuple[StatementPlan, ...]:
        if not units:
            return ()
        async with rolled_back(self.engine, self.limits) as connection:
            return await explain(connection, self.spec, units, writes=writes)

    async def rehearse(self, unit_ids: Sequence[str], *, weigh: bool) -> Rehearsed:
        """Its WAL is not weighed."""
        return await rehearse(self, unit_ids)

    async def rehearse_part(self, unit_id: str, mark: str | None, *, rows: int) -> Rehearsed:
        return await self.rehearse([unit_id], weigh=False)

    def _scanning(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return transaction(self.engine, self.limits, statement_timeout_ms=self.limits.scan_timeout_ms)
