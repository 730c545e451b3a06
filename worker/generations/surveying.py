"""How much there is and how much of it is left to do: counted in small tables, sampled in large ones."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.runs.forecast import Amount
from backfill.runs.preview import Survey, TableSize
from backfill.sql.folder import plan_in
from backfill.sql.schema import read_found
from backfill.sql.survey import indexes_on, survey_server, table_sizes
from worker.generations.needs import NEEDS
from worker.generations.queries import run_sql
from worker.generations.tables import GENERATIONS, TABLES, WRITTEN

EXACT_BELOW_ROWS = 1_000_000
# Rows and units that are looked at in a larger table, to say how many are left.
SAMPLE_ROWS = 200_000
SAMPLE_UNITS = 20_000


async def survey(connection: AsyncConnection) -> Survey:
    tables = await table_sizes(connection, TABLES)
    found = await read_found(connection, NEEDS)
    hindering = await indexes_on(connection, GENERATIONS, WRITTEN)
    needed = {index.name for index in NEEDS.indexes}
    return Survey(
        amount=replace(await _amount(connection, tables), hot_possible=not hindering),
        tables=tables,
        triggers=tuple(
            (f"{need.table}.{need.name}", any(one.is_for(need) and one.enabled for one in found.triggers))
            for need in NEEDS.triggers
        ),
        invalid_indexes=tuple(index.name for index in found.indexes if not index.valid and index.name not in needed),
        hindering_indexes=hindering,
        server=await survey_server(connection),
    )


async def estimate(connection: AsyncConnection) -> tuple[int, int]:
    """Units and rows that the planner believes in."""
    units, rows = [
        plan_in(await run_sql(connection, f"estimate_{what}", {}))["Plan Rows"] for what in ("units", "rows")
    ]
    return int(units), int(rows)


async def _amount(connection: AsyncConnection, tables: tuple[TableSize, ...]) -> Amount:
    units, rows = await estimate(connection)
    is_estimate = rows > EXACT_BELOW_ROWS or units > EXACT_BELOW_ROWS
    percents = {
        "row_percent": min(100.0, 100 * SAMPLE_ROWS / max(rows, 1)) if is_estimate else 100.0,
        "unit_percent": min(100.0, 100 * SAMPLE_UNITS / max(units, 1)) if is_estimate else 100.0,
    }
    seen = (await run_sql(connection, "count_left", percents)).one()
    if not is_estimate:
        units, rows = seen.units_seen, seen.rows_seen
    return Amount(
        units=units,
        rows=rows,
        units_left=round(units * seen.unsettled / max(seen.units_seen, 1)),
        rows_left=round(rows * seen.unassigned / max(seen.rows_seen, 1)),
        is_estimate=is_estimate,
        table_bytes=sum(table.table_bytes for table in tables),
        index_bytes=sum(table.index_bytes for table in tables),
    )
