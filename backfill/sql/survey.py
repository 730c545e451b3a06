"""What there is on the server and of some tables before a run: read from catalogs and statistics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.runs.preview import Replica, Server, Slot, Snapshot, TableSize
from backfill.sql.folder import QUERIES
from backfill.sql.tables import TableName, as_parameters


async def table_sizes(connection: AsyncConnection, tables: Iterable[TableName]) -> tuple[TableSize, ...]:
    rows = await QUERIES.run(connection, "survey_tables", as_parameters(tables))
    return tuple(TableSize(**row) for row in rows.mappings())


async def indexes_on(connection: AsyncConnection, table: TableName, columns: Sequence[str]) -> tuple[str, ...]:
    """Indexes that have to do with any of the columns: with one of them no update of that column is HOT."""
    parameters = {"schema": table.schema, "table": table.name, "columns": list(columns)}
    return tuple(row.name for row in await QUERIES.run(connection, "survey_indexes", parameters))


async def survey_server(connection: AsyncConnection) -> Server:
    facts = (await QUERIES.run(connection, "survey_server", {})).one()
    settings = {row.name: row.value for row in await QUERIES.run(connection, "survey_settings", {})}
    replicas = [Replica(**row) for row in (await QUERIES.run(connection, "survey_replicas", {})).mappings()]
    slots = (await QUERIES.run(connection, "survey_slots", {})).mappings()
    snapshots = (await QUERIES.run(connection, "survey_snapshots", {})).mappings()
    return Server(
        version=facts.version,
        role=facts.role,
        sees_all=facts.sees_all,
        settings=settings,
        archiving_fails=facts.archiving_fails,
        replicas=tuple(replicas) if facts.sees_all else None,
        slots=tuple(Slot(**row) for row in slots),
        snapshots=tuple(Snapshot(**row) for row in snapshots),
    )
