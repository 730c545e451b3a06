"""All signals that a statement reads. A new one is a module of its own and a line here."""

from __future__ import annotations

from backfill.autopilot.signals import archiver, blocked, checkpoints, others, room, slots, standbys, vacuum, wal

SIGNALS = (
    others.SIGNAL,
    blocked.SIGNAL,
    standbys.SIGNAL,
    slots.SIGNAL,
    wal.SIGNAL,
    archiver.SIGNAL,
    room.CONNECTIONS,
    room.SIZE,
    checkpoints.SIGNAL,
    vacuum.SNAPSHOTS,
    vacuum.DEAD_ROWS,
    vacuum.FROZEN,
)
