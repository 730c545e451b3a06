"""Whether anybody else is connected: where nobody is, nothing of the latency matters to anyone."""

from __future__ import annotations

from collections.abc import Sequence

from backfill.autopilot.signals.asking import Look, Signal
from backfill.runs.readings import Reading


async def read(look: Look) -> Sequence[Reading]:
    (row,) = await look.rows("others")
    return [Reading(signal=SIGNAL.name, value=float(row.sessions), unit="sessions")]


SIGNAL = Signal(
    name="others", about="sessions of others; without any, latency is of no account", read=read, every_seconds=1.0
)
