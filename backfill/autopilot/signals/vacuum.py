"""What keeps dead rows: old transactions, and tables that autovacuum does not keep up with. Only told.

The age of what is not frozen is the exception: it stops the work long before the server would stop everybody's.
"""

from __future__ import annotations

from collections.abc import Sequence

from backfill.autopilot.signals.asking import Look, Signal
from backfill.autopilot.signals.standbys import HIDDEN
from backfill.runs.readings import Reading
from backfill.sql.folder import QUERIES

FEWEST_DEAD_ROWS = 100_000


async def read_snapshots(look: Look) -> Sequence[Reading]:
    (rights,) = await look.rows("snapshots")
    held = (await QUERIES.run(look.connection, "survey_snapshots", {})).all()
    found = [
        Reading(
            signal=SNAPSHOTS.name,
            about=row.what,
            value=row.seconds,
            limit=look.limits["snapshot_seconds"],
            unit="seconds",
            warns=True,
        )
        for row in held[:1]
        if row.seconds is not None
    ]
    blind = Reading(signal=SNAPSHOTS.name, about="of other roles", unread=HIDDEN, warns=True)
    return found if rights.sees_all else [*found, blind]


async def read_dead_rows(look: Look) -> Sequence[Reading]:
    return [
        Reading(
            signal=DEAD_ROWS.name,
            about=row.name if row.is_on else f"{row.name}, without autovacuum",
            value=row.dead / max(row.begins_at, 1.0),
            limit=look.limits["dead_times"] if row.dead >= FEWEST_DEAD_ROWS else None,
            unit="times",
            warns=True,
        )
        for row in await look.rows("dead_rows")
    ]


async def read_frozen(look: Look) -> Sequence[Reading]:
    (row,) = await look.rows("frozen")
    limit = look.limits["frozen_transactions"]
    return [Reading(signal=FROZEN.name, about=row.name, value=row.transactions, limit=limit, unit="transactions")]


SNAPSHOTS = Signal(
    name="snapshots",
    about="age of the oldest transaction that keeps dead rows; only told",
    read=read_snapshots,
    every_seconds=5.0,
    needs="pg_monitor, for sessions of other roles",
    warns=True,
    of_database=True,
)
DEAD_ROWS = Signal(
    name="dead_rows",
    about="dead rows of the tables that have most, to those at which autovacuum begins there; only told",
    read=read_dead_rows,
    every_seconds=10.0,
    warns=True,
    of_database=True,
)
FROZEN = Signal(name="frozen", about="age of the oldest row that is not frozen", read=read_frozen, every_seconds=30.0)
