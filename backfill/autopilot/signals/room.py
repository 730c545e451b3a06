"""Whether there is room: connections, cores, the size of the database. Free disk is for a check of the operator's."""

from __future__ import annotations

from collections.abc import Sequence

from backfill.autopilot.signals.asking import Look, Signal
from backfill.autopilot.signals.standbys import HIDDEN
from backfill.runs.readings import Reading


async def read_connections(look: Look) -> Sequence[Reading]:
    (row,) = await look.rows("connections")
    limit = look.limits["connections_share"]
    found = [Reading(signal=CONNECTIONS.name, value=row.used / max(row.allowed, 1), limit=limit, unit="share")]
    if look.limits["active_per_core"] is None or look.cores == 0:
        return found
    if row.hidden:
        return [*found, Reading(signal=CONNECTIONS.name, about="active", unread=HIDDEN)]
    active = Reading(
        signal=CONNECTIONS.name,
        about="active",
        value=row.active / look.cores,
        limit=look.limits["active_per_core"],
        unit="per core",
        eases=True,
    )
    return [*found, active]


async def read_size(look: Look) -> Sequence[Reading]:
    limit = look.limits["database_bytes"]
    if limit is None:
        return []
    (row,) = await look.rows("database_size")
    return [Reading(signal=SIZE.name, value=row.bytes, limit=limit, unit="bytes")]


CONNECTIONS = Signal(
    name="connections",
    about="share of connections in use, and active sessions per core",
    read=read_connections,
    every_seconds=2.0,
    needs="pg_monitor, for active sessions per core",
)
SIZE = Signal(
    name="database",
    about="size of the database, where it has a limit",
    read=read_size,
    every_seconds=30.0,
    of_database=True,
)
