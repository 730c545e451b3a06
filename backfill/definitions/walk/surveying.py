"""What there is of a table that is walked over, and what is left to do in it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.walk.planning import count_left
from backfill.definitions.walk.walk import Walk
from backfill.runs.forecast import Amount
from backfill.runs.preview import Survey
from backfill.sql.needs import Needs
from backfill.sql.schema import read_found
from backfill.sql.survey import indexes_on, survey_server, table_sizes


async def survey_rows(
    connection: AsyncConnection, walk: Walk, todo: ColumnElement[bool], needs: Needs, *, written: Sequence[str]
) -> Survey:
    """`written` are names of columns."""
    others = (table for table in needs.tables if table != walk.name)
    tables = await table_sizes(connection, (walk.name, *others))
    found = await read_found(connection, needs)
    hindering = await indexes_on(connection, walk.name, written)
    left = await count_left(connection, walk, todo)
    return Survey(
        amount=Amount(
            units=left.rows,
            rows=left.rows,
            units_left=left.left,
            rows_left=left.left,
            is_estimate=left.is_estimate,
            table_bytes=sum(table.table_bytes for table in tables),
            index_bytes=sum(table.index_bytes for table in tables),
            hot_possible=not hindering,
        ),
        tables=tables,
        triggers=tuple(
            (f"{need.table}.{need.name}", any(one.is_for(need) and one.enabled for one in found.triggers))
            for need in needs.triggers
        ),
        invalid_indexes=tuple(index.name for index in found.indexes if not index.valid),
        hindering_indexes=hindering,
        server=await survey_server(connection),
    )
