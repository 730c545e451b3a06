"""`generation-versions`: numbers the generations of each project, sets storage paths and the active flag.

The unit is a project, its key (created_at, id). A batch locks in one statement and computes in the next;
it never waits for a row lock while it holds one, so the application waits at most one short transaction
and is never a deadlock's victim.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.definitions.groups import GroupsBackfill, Run
from backfill.engine.protocols import CheckedPage, PartSettled, Settled
from backfill.runs.findings import EXAMPLES_KEPT, Finding
from backfill.runs.forecast import Amount
from backfill.runs.preview import TableSize
from backfill.runs.ranges import Key, Passed, Plan, Span, Unit
from backfill.runs.rehearsed import Rehearsed
from backfill.sql.plans import walk_in_order
from backfill.sql.transactions import transaction
from worker.generations import large, rehearsing
from worker.generations.needs import NEEDS
from worker.generations.queries import QUERIES, run_sql
from worker.generations.rights import RIGHTS
from worker.generations.rules import DATA_RULES, RULES
from worker.generations.statements import STATEMENTS, parameters_for
from worker.generations.surveying import EXACT_BELOW_ROWS, SAMPLE_UNITS, amount, estimate
from worker.generations.tables import TABLES, WRITTEN
from worker.generations.whole import lock_projects, settle_projects

FIRST_KEY: Key = ("-infinity", "")
LEAST_RANGE_UNITS = 100


class GenerationVersions(GroupsBackfill):
    """All of its SQL is its own, and it settles a large project in parts."""

    name = "generation-versions"
    needs = NEEDS
    rights = RIGHTS
    rules = RULES
    tables = TABLES
    written = WRITTEN
    queries = QUERIES
    statements = STATEMENTS

    async def plan(self, ranges: int) -> Plan:
        """Totals are estimates of the planner in a large table. In a small one they are counted while it is split."""
        async with self.scanning() as connection:
            units, rows = await estimate(connection)
        is_estimate = rows > EXACT_BELOW_ROWS or units > EXACT_BELOW_ROWS
        percent = min(100.0, 100.0 * SAMPLE_UNITS / units) if is_estimate else 100.0
        if is_estimate:
            spans = await self._split(ranges, percent)
        else:
            spans, (units, rows) = await asyncio.gather(self._split(ranges, percent), self._count_all())
        return Plan(spans=spans, units_total=units, rows_total=rows, total_is_estimate=is_estimate)

    async def _split(self, ranges: int, percent: float) -> tuple[Span, ...]:
        parameters = {"ranges": ranges, "percent": percent, "least_units": LEAST_RANGE_UNITS}
        async with self.scanning() as connection:
            ends = [(row.key_at, row.id) for row in await run_sql(connection, "split", parameters)]
        return tuple(Span(start=start, end=end) for start, end in zip([None, *ends], ends, strict=False))

    async def _count_all(self) -> tuple[int, int]:
        async with self.scanning() as connection:
            counted = (await run_sql(connection, "count_all", {})).one()
        return counted.units, counted.rows

    async def places_of(self, keys: Sequence[Key]) -> Sequence[int]:
        ats, ids = [at for at, _ in keys], [one for _, one in keys]
        async with transaction(self.engine, self.limits) as connection:
            return [row.place for row in await run_sql(connection, "order_keys", {"ats": ats, "ids": ids})]

    async def page_in(
        self, connection: AsyncConnection, bounds: tuple[Key | None, Key], *, units: int, row_cap: int
    ) -> tuple[Unit, ...]:
        parameters = {**_span(*bounds), "units": units, "row_cap": row_cap}
        return tuple(_units_of((await run_sql(connection, "read_page", parameters)).one()))

    async def pass_settled(self, after: Key | None, end: Key, *, units: int) -> Passed | None:
        async with transaction(self.engine, self.limits) as connection:
            page = (await run_sql(connection, "pass_settled", {**_span(after, end), "units": units})).one()
        if not page.settled:
            return None
        last_key = (page.last_at, page.last_id) if page.units else None
        return Passed(units=page.units, rows=page.rows, last_key=last_key)

    async def units_in(
        self, connection: AsyncConnection, unit_ids: Collection[str], *, row_cap: int
    ) -> tuple[Unit, ...]:
        return _units(await run_sql(connection, "read_units", {"ids": list(unit_ids), "row_cap": row_cap}))

    async def count_in(self, connection: AsyncConnection, unit_id: str) -> int:
        return int((await run_sql(connection, "count_rows", {"project_id": unit_id})).scalar_one())

    async def lock_in(self, connection: AsyncConnection, unit_ids: Sequence[str], run: Run) -> list[str]:
        return await lock_projects(connection, unit_ids, run)

    async def settle_in(self, connection: AsyncConnection, unit_ids: Sequence[str], run: Run) -> Settled:
        return await settle_projects(connection, unit_ids, run)

    async def settle_part(self, unit_id: str, mark: str | None, *, rows: int) -> PartSettled:
        known = large.Mark.load(mark) if mark is not None else None
        return await large.settle_part(self.engine, self.limits, unit_id, known, rows)

    async def check_in(
        self, connection: AsyncConnection, bounds: tuple[Key | None, Key | None], *, units: int
    ) -> CheckedPage:
        """Almost all units are right at a glance; the others are judged one by one, in a view of their own."""
        after, end = bounds
        parameters = {**_span(after, end or await _last_key(connection)), "units": units}
        await walk_in_order(connection)
        page = (await run_sql(connection, "check_page", parameters)).one()
        last_key = (page.last_at, page.last_id) if page.units == units else None
        if not page.doubtful:
            return CheckedPage(units=page.units, last_key=last_key, findings=())
        doubtful = {"ids": page.doubtful, "examples": EXAMPLES_KEPT}
        judged = (await run_sql(connection, "check_units", doubtful)).one()
        return CheckedPage(
            units=page.units,
            last_key=last_key,
            findings=tuple(_findings(judged.breaches)),
            mendable=tuple(judged.unassigned_units),
        )

    async def amount_in(self, connection: AsyncConnection, tables: tuple[TableSize, ...]) -> Amount:
        return await amount(connection, tables)

    def parameters_for(self, units: Sequence[Unit]) -> Mapping[str, Mapping[str, Any]]:
        return parameters_for(units)

    async def rehearse_part(self, unit_id: str, mark: str | None, *, rows: int) -> Rehearsed:
        known = large.Mark.load(mark) if mark is not None else None
        return await rehearsing.rehearse_part(self, unit_id, known, rows)


async def _last_key(connection: AsyncConnection) -> Key:
    row = (await run_sql(connection, "last_key", {})).one_or_none()
    return (row.key_at, row.id) if row is not None else FIRST_KEY


def _span(after: Key | None, end: Key) -> dict[str, Any]:
    after_at, after_id = after or FIRST_KEY
    end_at, end_id = end
    return {"after_at": after_at, "after_id": after_id, "end_at": end_at, "end_id": end_id}


def _units_of(page: Row[Any]) -> Iterator[Unit]:
    columns = (column or [] for column in page)
    for unit_id, at, rows, todo, capped, settled in zip(*columns, strict=True):
        yield Unit(unit_id, (at, unit_id), int(rows), int(todo), settled == "true", capped == "true")


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
