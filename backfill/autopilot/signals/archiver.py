"""Whether WAL is archived, and how much waits for it: what is not archived stays on the disk."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from backfill.autopilot.signals.asking import Look, Signal
from backfill.runs.readings import Reading

_SEGMENT = re.compile(r"[0-9A-F]{24}")


async def read(look: Look) -> Sequence[Reading]:
    (row,) = await look.rows("archiver")
    if not row.archives:
        return []
    backlog = Reading(
        signal=SIGNAL.name,
        about="backlog",
        value=_backlog(row, look),
        limit=look.limits["archive_segments"],
        unit="segments",
        eases=True,
    )
    failing = Reading(signal=SIGNAL.name, about="failing", value=float(row.fails), limit=0.0)
    return [failing, backlog]


def _backlog(row: Any, look: Look) -> float:
    """Segments. Where nothing has been archived yet, since the first look."""
    written = _number(row.written, row.segment_bytes)
    first = look.memory.setdefault("first", written)
    archived = _number(row.archived, row.segment_bytes) if _SEGMENT.match(row.archived or "") else first
    return max(written - archived - 1, 0.0)


def _number(name: str, segment_bytes: int) -> float:
    """Which segment it is, counted from the first; a name is timeline, upper and lower half."""
    per_upper_half = 0x1_0000_0000 // segment_bytes
    return float(int(name[8:16], 16) * per_upper_half + int(name[16:24], 16))


SIGNAL = Signal(name="archiver", about="whether archiving fails, and segments that wait for it", read=read)
