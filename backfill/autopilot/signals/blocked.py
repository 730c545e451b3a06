"""Whom our batches hold up: sessions that wait for a lock of ours, and for how long."""

from __future__ import annotations

from collections.abc import Sequence

from backfill.autopilot.signals.asking import Look, Signal
from backfill.runs.readings import Reading


async def read(look: Look) -> Sequence[Reading]:
    (row,) = await look.rows("blocked", ours=list(look.ours))
    return [
        Reading(
            signal=SIGNAL.name,
            value=row.longest_seconds,
            limit=look.limits["waiting_seconds"],
            unit="seconds",
            eases=True,
        )
    ]


SIGNAL = Signal(
    name="blocked", about="the longest wait of another session for a lock of ours", read=read, of_database=True
)
