"""WAL that is kept for replication slots: a standby or a reader that is gone fills the disk through its slot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from backfill.autopilot.signals.asking import Look, Signal
from backfill.autopilot.signals.growing import foretold
from backfill.runs.readings import Reading


async def read(look: Look) -> Sequence[Reading]:
    rows = await look.rows("slots")
    seen = [reading for row in rows for reading in _of(row, look)]
    written = max((row.written_bytes for row in rows), default=None)
    return foretold(seen, written=written, seconds=look.seconds, memory=look.memory)


def _of(row: Any, look: Look) -> Iterator[Reading]:
    about = row.name if row.active else f"{row.name} (inactive)"
    kept = Reading(
        signal=SIGNAL.name,
        about=about,
        value=row.kept_bytes,
        limit=look.limits["slot_bytes"],
        unit="bytes",
        eases=row.active,
    )
    yield kept
    if row.room_bytes is not None:
        kept_at_all = max(row.kept_bytes, 0.0)
        yield Reading(
            signal=SIGNAL.name,
            about=f"{about} of its most",
            value=kept_at_all / max(kept_at_all + row.room_bytes, 1.0),
            limit=look.limits["slot_share"],
            unit="share",
        )
    if row.wal_status == "unreserved":
        yield Reading(signal=SIGNAL.name, about=f"{about} about to be lost", value=1.0, limit=0.0)


SIGNAL = Signal(name="slots", about="bytes of WAL kept for a replication slot", read=read)
