"""What there is on the database and the server before a run: read from catalogs, statistics and a sample of pages."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.runs.forecast import Amount
from backfill.runs.preview import Replica, Server, Slot, Snapshot, Survey, TableSize
from worker.generations.catalog import read_found
from worker.generations.needs import NEEDS
from worker.generations.transactions import plan_in, run_sql

EXACT_BELOW_ROWS = 1_000_000
# Rows and units that are looked at in a larger table, to say how many are left.
SAMPLE_ROWS = 200_000
SAMPLE_UNITS = 20_000


async def survey(connection: AsyncConnection) -> Survey:
    tables = [TableSize(**row) for row in (await run_sql(connection, "survey_tables", {})).mappings()]
    found = await read_found(connection)
    hindering = tuple(row.name for row in await run_sql(connection, "survey_indexes", {}))
    needed = {index.name for index in NEEDS.indexes}
    return Survey(
        amount=replace(await _amount(connection, tables), hot_possible=not hindering),
        tables=tuple(tables),
        triggers=tuple(
            (f"{need.table}.{need.name}", any(one.is_for(need) and one.enabled for one in found.triggers))
            for need in NEEDS.triggers
        ),
        invalid_indexes=tuple(index.name for index in found.indexes if not index.valid and index.name not in needed),
        hindering_indexes=hindering,
        server=await _server(connection),
    )


async def estimate(connection: AsyncConnection) -> tuple[int, int]:
    """Units and rows that the planner believes in."""
    units, rows = [
        plan_in(await run_sql(connection, f"estimate_{what}", {}))["Plan Rows"] for what in ("units", "rows")
    ]
    return int(units), int(rows)


async def _amount(connection: AsyncConnection, tables: list[TableSize]) -> Amount:
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


async def _server(connection: AsyncConnection) -> Server:
    facts = (await run_sql(connection, "survey_server", {})).one()
    settings = {row.name: row.value for row in await run_sql(connection, "survey_settings", {})}
    replicas = [Replica(**row) for row in (await run_sql(connection, "survey_replicas", {})).mappings()]
    return Server(
        version=facts.version,
        role=facts.role,
        sees_all=facts.sees_all,
        settings=settings,
        archiving_fails=facts.archiving_fails,
        replicas=tuple(replicas) if facts.sees_all else None,
        slots=tuple(Slot(**row) for row in (await run_sql(connection, "survey_slots", {})).mappings()),
        snapshots=tuple(Snapshot(**row) for row in (await run_sql(connection, "survey_snapshots", {})).mappings()),
    )
