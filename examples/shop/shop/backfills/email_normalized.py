"""`email-normalized`: a unit is one customer, its key the id; a batch locks in one statement and writes in the next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.engine.protocols import CheckedPage, PartSettled, Settled
from backfill.runs.findings import EXAMPLES_KEPT, Finding, Rule
from backfill.runs.forecast import Amount
from backfill.runs.preview import StatementPlan, Survey
from backfill.runs.ranges import Key, Plan, Span, Unit
from backfill.runs.rehearsed import Rehearsed
from backfill.sql.database import leads_to
from backfill.sql.folder import SqlFolder
from backfill.sql.plans import Statement, StatementsOfRun
from backfill.sql.privileges import closed_to_writes, missing_privileges
from backfill.sql.rehearsal import Rehearsal
from backfill.sql.schema import check_catalog, check_statistics, read_found
from backfill.sql.survey import indexes_on, survey_server, table_sizes
from backfill.sql.transactions import Limits, rolled_back, transaction
from shop.backfills.needs import CUSTOMERS, NEEDS, RIGHTS, RULES

SQL = SqlFolder("shop.backfills")
STATEMENTS = StatementsOfRun(
    folder=SQL,
    statements=(
        Statement(name="split", part_of="planning", writes=False),
        Statement(name="read_page", part_of="reading ahead", writes=False),
        Statement(name="lock", part_of="a batch", writes=True),
        Statement(name="settle", part_of="a batch", writes=True),
        Statement(name="check_page", part_of="verification", writes=False),
    ),
    tables=(CUSTOMERS,),
)


class EmailNormalized:
    """The backfill on one database. Every method is one transaction."""

    name = "email-normalized"

    def __init__(self, engine: AsyncEngine, limits: Limits) -> None:
        self._engine = engine
        self._limits = limits
        self.rules: Sequence[Rule] = RULES

    async def check_schema(self) -> tuple[Finding, ...]:
        async with transaction(self._engine, self._limits) as connection:
            findings = await check_catalog(connection, NEEDS)
            statistics = await check_statistics(connection, (CUSTOMERS,))
        return (*findings, statistics) if statistics else findings

    async def check_privileges(self, *, writes: bool) -> tuple[Finding, ...]:
        async with transaction(self._engine, self._limits) as connection:
            closed = await closed_to_writes(connection, leads_to(self._engine), writes=writes)
            return (*await missing_privileges(connection, RIGHTS, writes=writes), *closed)

    async def plan(self, ranges: int) -> Plan:
        async with transaction(self._engine, self._limits) as connection:
            amount = (await SQL.run(connection, "count", {})).one()
            ends = [(row.id,) for row in await SQL.run(connection, "split", {"ranges": ranges})]
        spans = tuple(Span(start=start, end=end) for start, end in zip([None, *ends], ends, strict=False))
        return Plan(spans=spans, units_total=amount.rows, rows_total=amount.rows, total_is_estimate=False)

    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        async with transaction(self._engine, self._limits) as connection:
            return _units(await SQL.run(connection, "read_page", _span(after, end, units)))

    async def read_units(self, unit_ids: Collection[str], *, row_cap: int) -> tuple[Unit, ...]:
        async with transaction(self._engine, self._limits) as connection:
            return _units(await SQL.run(connection, "read_units", {"ids": list(unit_ids)}))

    async def count_rows(self, unit_id: str) -> int:
        return len(await self.read_units([unit_id], row_cap=1))

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        async with transaction(self._engine, self._limits) as connection:
            return await _settle(connection, unit_ids)

    async def settle_part(self, unit_id: str, mark: str | None, *, rows: int) -> PartSettled:
        """One row has no parts."""
        settled = await self.settle([unit_id])
        return PartSettled(written=settled.written, mark=None, finished=not settled.contended)

    async def check_page(self, after: Key | None, end: Key | None, *, units: int) -> CheckedPage:
        parameters = {**_span(after, end, units), "examples": EXAMPLES_KEPT}
        async with transaction(self._engine, self._limits) as connection:
            seen = (await SQL.run(connection, "check_page", parameters)).one()
        found = {"unassigned": (seen.unassigned, seen.unassigned_ids), "differs": (seen.differing, seen.differing_ids)}
        return CheckedPage(
            units=seen.units,
            last_key=(seen.last_id,) if seen.units == units else None,
            findings=tuple(
                Finding(rule=rule, is_error=True, count=count, examples=tuple(ids[:EXAMPLES_KEPT]))
                for rule, (count, ids) in found.items()
                if count
            ),
            mendable=tuple(seen.unassigned_ids),
        )

    async def survey(self) -> Survey:
        async with transaction(self._engine, self._limits) as connection:
            amount = (await SQL.run(connection, "count", {})).one()
            tables = await table_sizes(connection, (CUSTOMERS,))
            found = await read_found(connection, NEEDS)
            hindering = await indexes_on(connection, CUSTOMERS, ("email_normalized",))
            return Survey(
                amount=Amount(
                    units=amount.rows,
                    rows=amount.rows,
                    units_left=amount.left_to_do,
                    rows_left=amount.left_to_do,
                    is_estimate=False,
                    table_bytes=sum(table.table_bytes for table in tables),
                    index_bytes=sum(table.index_bytes for table in tables),
                    hot_possible=not hindering,
                ),
                tables=tables,
                triggers=tuple(
                    (f"{need.table}.{need.name}", any(one.is_for(need) and one.enabled for one in found.triggers))
                    for need in NEEDS.triggers
                ),
                invalid_indexes=tuple(index.name for index in found.indexes if not index.valid),
                hindering_indexes=hindering,
                server=await survey_server(connection),
            )

    async def explain(self, units: Sequence[Unit], *, writes: bool) -> tuple[StatementPlan, ...]:
        if not units:
            return ()
        ids, span = {"ids": [unit.id for unit in units]}, _span(units[0].key, units[-1].key, len(units))
        parameters = {
            "split": {"ranges": 16},
            "read_page": span,
            "lock": ids,
            "settle": ids,
            "check_page": {**span, "examples": EXAMPLES_KEPT},
        }
        async with rolled_back(self._engine, self._limits) as connection:
            return await STATEMENTS.explain(connection, parameters, writes=writes)

    async def rehearse(self, unit_ids: Sequence[str], *, weigh: bool) -> Rehearsed:
        """Its WAL is not weighed, so the preview says nothing about it."""
        there = Rehearsal(engine=self._engine, limits=self._limits, tables=(CUSTOMERS,), rows_of=CUSTOMERS)

        async def settle(connection: AsyncConnection) -> Settled:
            return await _settle(connection, unit_ids)

        async def lock(connection: AsyncConnection) -> None:
            await SQL.run(connection, "lock", {"ids": [*unit_ids[:1]]})

        settled, measured = await there.try_out(settle)
        trip_ms, commit_ms = await there.try_commit(lock)
        return Rehearsed(
            written=settled.written,
            ms=measured.ms,
            commit_ms=commit_ms,
            trip_ms=trip_ms,
            updates=measured.updates,
            hot_updates=measured.hot_updates,
            contended=len(settled.contended),
        )

    async def rehearse_part(self, unit_id: str, mark: str | None, *, rows: int) -> Rehearsed:
        return await self.rehearse([unit_id], weigh=False)


async def _settle(connection: AsyncConnection, unit_ids: Sequence[str]) -> Settled:
    locked = [row.id for row in await SQL.run(connection, "lock", {"ids": list(unit_ids)})]
    written = await SQL.run(connection, "settle", {"ids": locked})
    return Settled(written=written.rowcount, contended=frozenset(unit_ids) - frozenset(locked))


def _span(after: Key | None, end: Key | None, units: int) -> dict[str, Any]:
    return {"after": after[0] if after else None, "end": end[0] if end else None, "units": units}


def _units(rows: Iterable[Row[Any]]) -> tuple[Unit, ...]:
    return tuple(Unit(id=row.id, key=(row.id,), rows=1, todo=int(not row.settled), settled=row.settled) for row in rows)
