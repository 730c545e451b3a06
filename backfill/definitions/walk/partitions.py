"""A table that is divided into partitions: it is walked through one after the other, where its key allows that.

A range of the walk ends with the last key of a partition at the latest, so that each batch is on one of them. That
takes a key that begins with what the table is divided by. Of hashes no key is in order: there each batch merges what
the indexes of all partitions have next.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import literal_column
from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.definitions.walk.pages import last_key_statement
from backfill.definitions.walk.places import places_of
from backfill.definitions.walk.walk import Walk
from backfill.runs.findings import Finding
from backfill.runs.ranges import Key
from backfill.sql.built import run_built
from backfill.sql.folder import QUERIES

# A range for each of more than so many partitions would cost more than it saves.
MOST_CUTS = 500
HASH = "h"
RULE = "indexes"


async def ends_of_partitions(connection: AsyncConnection, walk: Walk) -> list[Key]:
    """The last key of each that has rows; none of a table that is not divided, or not as it is walked."""
    if not await _is_walked_as_divided(connection, walk):
        return []
    found = (await QUERIES.run(connection, "partition_bounds", _named(walk))).scalars().all()
    if len(found) > MOST_CUTS:
        return []
    ends = []
    for bounds in found:
        within = last_key_statement(walk).where(literal_column(str(bounds)))
        last = (await run_built(connection, within)).one_or_none()
        ends += [tuple(last)] if last is not None else []
    return ends


async def in_order(connection: AsyncConnection, walk: Walk, keys: Sequence[Key]) -> list[Key]:
    """Each of them once."""
    places = dict(zip(keys, await places_of(connection, walk, keys), strict=True)) if keys else {}
    by_place = {place: key for key, place in places.items()}
    return [by_place[place] for place in sorted(by_place)]


async def check_partitions(connection: AsyncConnection, walk: Walk) -> tuple[Finding, ...]:
    """A warning where every batch has to look into all partitions, though another order would spare it that."""
    found = (await QUERIES.run(connection, "partitioned_by", _named(walk))).one_or_none()
    if found is None or found.strategy == HASH or _begins(walk, found.columns) or None in found.columns:
        return ()
    columns, key = ", ".join(found.columns), ", ".join(walk.key_names)
    return (
        Finding(
            rule=RULE,
            is_error=False,
            count=1,
            examples=(f"{walk.name} is divided by {columns}, but walked by {key}",),
            remedy=f"Each batch looks into all {found.parts} partitions, unless order_by begins with {columns}.",
        ),
    )


async def _is_walked_as_divided(connection: AsyncConnection, walk: Walk) -> bool:
    found = (await QUERIES.run(connection, "partitioned_by", _named(walk))).one_or_none()
    return found is not None and found.strategy != HASH and _begins(walk, found.columns)


def _begins(walk: Walk, columns: Sequence[str | None]) -> bool:
    return walk.key_names[: len(columns)] == tuple(columns)


def _named(walk: Walk) -> dict[str, str]:
    return {"schema": walk.name.schema, "table": walk.name.name}
