"""How much there is and how much of it is left to do: counted in small tables, sampled in large ones."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.runs.forecast import Amount
from backfill.runs.preview import TableSize
from backfill.sql.folder import plan_in
from worker.generations.queries import run_sql

EXACT_BELOW_ROWS = 1_000_000
# Rows and units that are looked at in a larger table, to say how many are left.
SAMPLE_ROWS = 200_000
SAMPLE_UNITS = 20_000


async def estimate(connection: AsyncConnection) -> tuple[int, int]:
    """Units and rows that the planner believes in."""
    units, rows = [
        plan_in(await run_sql(connection, f"estimate_{what}", {}))["Plan Rows"] for what in ("units", "rows")
    ]
    return int(units), int(rows)


async def amount(connection: AsyncConnection, tables: tuple[TableSize, ...]) -> Amount:
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
