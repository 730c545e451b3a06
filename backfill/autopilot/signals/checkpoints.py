"""Checkpoints that WAL forced before their time: every one makes whole pages go to the log again. Only told."""

from __future__ import annotations

from collections.abc import Sequence

from backfill.autopilot.signals.asking import Look, Signal
from backfill.runs.readings import Reading

MOVED_IN = 170_000
# Of fewer, a share says nothing.
FEWEST = 4


async def read(look: Look) -> Sequence[Reading]:
    if "version" not in look.memory:
        (version,) = await look.rows("version")
        look.memory["version"] = version.number
    (row,) = await look.rows("checkpoints_17" if look.memory["version"] >= MOVED_IN else "checkpoints")
    timed = row.timed - look.memory.setdefault("timed", row.timed)
    requested = row.requested - look.memory.setdefault("requested", row.requested)
    share = requested / (timed + requested) if timed + requested >= FEWEST else 0.0
    limit = look.limits["forced_checkpoints_share"]
    return [Reading(signal=SIGNAL.name, value=share, limit=limit, unit="share", warns=True)]


SIGNAL = Signal(
    name="checkpoints",
    about="share of checkpoints that WAL forced, since the monitor looks; only told",
    read=read,
    every_seconds=10.0,
    warns=True,
)
