"""How fast the server's log grows, by everybody's writes."""

from __future__ import annotations

from collections.abc import Sequence

from backfill.autopilot.signals.asking import Look, Signal
from backfill.runs.readings import Reading

# A single look is noise: checkpoints and full pages come in bursts.
SMOOTHING = 0.3


async def read(look: Look) -> Sequence[Reading]:
    (row,) = await look.rows("wal")
    before, rate = look.memory.get("bytes"), look.memory.get("rate")
    passed = look.seconds - look.memory.get("seconds", look.seconds)
    if before is not None and passed > 0:
        found = max(row.bytes - before, 0.0) / passed
        rate = found if rate is None else rate + SMOOTHING * (found - rate)
        look.memory["rate"] = rate
    look.memory.update(bytes=row.bytes, seconds=look.seconds)
    limit = look.limits["wal_bytes_per_second"]
    return [Reading(signal=SIGNAL.name, value=rate or 0.0, limit=limit, unit="bytes per second", eases=True)]


SIGNAL = Signal(name="wal", about="bytes of WAL per second, of everybody", read=read)
