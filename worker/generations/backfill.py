"""`generation-versions`: numbers the generations of each project, sets storage paths and the active flag.

The unit is a project, its key (created_at, id). A batch locks in one statement and computes in the next;
it never waits for a row lock while it holds one, so the application waits at most one short transaction
and is never a deadlock's victim.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.engine.protocols import CheckedPage, PartSettled, Settled
from backfill.runs.findings import EXAMPLES_KEPT, Finding, Rule
from backfill.runs.preview import StatementPlan, Survey
from backfill.runs.ranges import Key, Plan, Span, Unit
from backfill.runs.rehearsed import Rehearsed
from backfill.sql.database import leads_to
from backfill.sql.privileges import closed_to_writes, missing_privileges
from backfill.sql.schema import check_catalog, check_statistics
from backfill.sql.transactions import Limits, rolled_back, transaction
from worker.generations import large, rehearsing
from worker.generations.needs import NEEDS
from worker.generations.queries import run_sql
from worker.generations.rights import RIGHTS
from worker.generations.rules import DATA_RULES, RULES
from worker.generations.statements import STATEMENTS, parameters_for
from worker.generations.surveying import EXACT_BELOW_ROWS, SAMPLE_UNITS, estimate, survey
from worker.generations.tables import TABLES
from worker.generations.whole import settle_projects

FIRST_KEY: Key = ("-infinity", "")
LEAST_RANGE_UNITS = 100


class GenerationVersions:
    """The backfill on one database. Every method is one transaction, except `plan`."""

    name = "generation-versions"

    def __init__(self, engine: AsyncEngine, limits: Limits) -> None:
        self._engine = engine
        self._limits = limits
        self.rules: Sequence[Rule] = RULES

    async def check_schema(self) -> tuple[Finding, ...]:
        async with transaction(self._engine, self._limits) as connection:
            findings = await check_catalog(connection, NEEDS)
            statistics = await check_statistics(connection, TABLES)
        return (*findings, statistics) if statistics else findings

    async def check_privileges(self, *, writes: bool) -> tuple[Finding, ...]:
        async with transaction(self._engine, self._limits) as connection:
            closed = await closed_to_writes(connection, leads_to(self._engine), writes=writes)
            return (*await missing_privileges(connection, RIGHTS, writes=writes), *closed)

    async def plan(self, ranges: int) -> Plan:
        """Totals are estimates of the planner in a large table and counts in a small one."""
        async with transaction(
            self._engine, self._limits, statement_timeout_ms=self._limits.scan_timeout_ms
        ) as connection:
            units, rows = await estimate(connection)
            is_estimate = rows > EXACT_BELOW_ROWS or units > EXACT_BELOW_ROWS
            if not is_estimate:
                counted = (await run_sql(connection, "count_all", {})).one()
                units, rows = counted.units, counted.rows
            parameters = {
                "ranges": max(1, min(ranges, units // LEAST_RANGE_UNITS)),
                "percent": min(100.0, 100.0 * SAMPLE_UNITS / units) if is_estimate else 100.0,
            }
            ends = [(row.key_at, row.id) for row in await run_sql(connection, "split", parameters)]
        starts = [None, *ends]
        spans = tuple(Span(start=start, end=end) for start, end in zip(starts, ends, strict=False))
        return Plan(spans=spans, units_total=units, rows_total=rows, total_is_estimate=is_estimate)

    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        parameters = {**_bounds(after, end), "units": units, "row_cap": row_cap}
        async with transaction(self._engine, self._limits) as connection:
            return _units(await run_sql(connection, "read_page", parameters))

    async def read_units(self, unit_ids: Collection[str], *, row_cap: int) -> tuple[Unit, ...]:
        async with transaction(self._engine, self._limits) as connection:
            rows = await run_sql(connection, "read_units", {"ids": list(unit_ids), "row_cap": row_cap})
            return _units(rows)

    async def count_rows(self, unit_id: str) -> int:
        async with transaction(
            self._engine, self._limits, statement_timeout_ms=self._limits.scan_timeout_ms
        ) as connection:
            return int((await run_sql(connection, "count_rows", {"project_id": unit_id})).scalar_one())

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        async with transaction(self._engine, self._limits) as connection:
            return await settle_projects(connection, unit_ids)

    async def settle_part(self, unit_id: str, mark: str | None, *, rows: int) -> PartSettled:
        known = large.Mark.load(mark) if mark is not None else None
        return await large.settle_part(self._engine, self._limits, unit_id, known, rows)

    async def check_page(self, after: Key | None, end: Key | None, *, units: int) -> CheckedPage:
        parameters = {**_bounds(after, end or await self._last_key()), "units": units, "examples": EXAMPLES_KEPT}
        async with transaction(
            self._engine, self._limits, statement_timeout_ms=self._limits.scan_timeout_ms
        ) as connection:
            row = (await run_sql(connection, "check_page", parameters)).one()
        return CheckedPage(
            units=row.units,
            last_key=(row.last_at, row.last_id) if row.units == units else None,
            findings=tuple(_findings(row.breaches)),
            mendable=tuple(row.unassigned_units),
        )

    async def survey(self) -> Survey:
        async with transaction(
            self._engine, self._limits, statement_timeout_ms=self._limits.scan_timeout_ms
        ) as connection:
            return await survey(connection)

    async def explain(self, units: Sequence[Unit], *, writes: bool) -> tuple[StatementPlan, ...]:
        if not units:
            return ()
        async with rolled_back(self._engine, self._limits) as connection:
            return await STATEMENTS.explain(connection, parameters_for(units), writes=writes)

    async def rehearse(self, unit_ids: Sequence[str], *, weigh: bool) -> Rehearsed:
        take = rehearsing.weigh if weigh else rehearsing.rehearse
        return await take(rehearsing.rehearsal(self._engine, self._limits), unit_ids)

    async def rehearse_part(self, unit_id: str, mark: str | None, *, rows: int) -> Rehearsed:
        known = large.Mark.load(mark) if mark is not None else None
        there = rehearsing.rehearsal(self._engine, self._limits)
        return await rehearsing.rehearse_part(there, unit_id, known, rows)

    async def _last_key(self) -> Key:
        async with transaction(self._engine, self._limits) as connection:
            row = (await run_sql(connection, "last_key", {})).one_or_none()
        return (row.key_at, row.id) if row is not None else FIRST_KEY


def _bounds(after: Key | None, end: Key) -> dict[str, str]:
    after_at, after_id = after or FIRST_KEY
    end_at, end_id = end
    return {"after_at": after_at, "after_id": after_id, "end_at": end_at, "end_id": end_id}


def _units(rows: Iterable[Row[Any]]) -> tuple[Unit, ...]:
    return tuple(
        Unit(
            id=row.id,
            key=(row.key_at, row.id),
            rows=row.rows,
            todo=row.todo,
            settled=row.settled,
            capped=row.capped,
        )
        for row in rows
    )


def _findings(breaches: str | list[dict[str, Any]]) -> Iterable[Finding]:
    severity = {rule.slug: rule.is_error for rule in DATA_RULES}
    found = json.loads(breaches) if isinstance(breaches, str) else breaches
    for breach in found:
        yield Finding(
            rule=breach["rule"],
            is_error=severity[breach["rule"]],
            count=int(breach["count"]),
            examples=tuple(breach["examples"]),
        )
