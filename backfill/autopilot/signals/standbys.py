"""How far standbys are behind. One that is expected and not connected cannot be read, and so stops the work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from backfill.autopilot.signals.asking import Look, Signal
from backfill.autopilot.signals.growing import foretold
from backfill.runs.readings import Reading

HIDDEN = "the role may not see it; GRANT pg_monitor, or pg_read_all_stats, to it"


async def read(look: Look) -> Sequence[Reading]:
    rows = await look.rows("standbys")
    connected = {row.name for row in rows}
    missing = [
        Reading(signal=SIGNAL.name, about=name, unread="it is expected, and not connected")
        for name in look.expected_standbys
        if name not in connected
    ]
    names = Counter(row.name for row in rows)
    seen = [reading for row in rows for reading in _of(row, look, is_one_of_many=names[row.name] > 1)]
    written = max((row.written_bytes for row in rows), default=None)
    return [*missing, *foretold(seen, written=written, seconds=look.seconds, memory=look.memory)]


def _of(row: Any, look: Look, *, is_one_of_many: bool) -> Iterator[Reading]:
    about = f"{row.name or 'standby'} ({row.pid})" if is_one_of_many or not row.name else row.name
    if row.behind_bytes is None:
        why = HIDDEN if row.state is None else "it has not said yet where it is"
        yield Reading(signal=SIGNAL.name, about=about, unread=why)
        return
    yield Reading(
        signal=SIGNAL.name,
        about=about,
        value=row.behind_bytes,
        limit=look.limits["standby_bytes"],
        unit="bytes",
        eases=True,
    )
    if look.limits["standby_seconds"] is not None:
        yield Reading(
            signal=SIGNAL.name,
            about=f"{about} in time",
            value=row.behind_seconds or 0.0,
            limit=look.limits["standby_seconds"],
            unit="seconds",
            eases=True,
        )


SIGNAL = Signal(
    name="standbys", about="bytes that a standby's replay is behind", read=read, needs="pg_monitor, where there are any"
)
