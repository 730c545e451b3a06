"""What only the database can say of a run at its end, for its report: the order of its ranges' keys, what came after
the last of them, and how much WAL was written meanwhile.

None of it may keep a run from ending: what cannot be asked is told as unknown.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from backfill.engine.besides import besides
from backfill.engine.lease import Lease
from backfill.engine.protocols import Backfill
from backfill.runs.coverage import AfterSplit, Passage, Places, Proof, boundaries
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.findings import Finding, merge
from backfill.runs.ranges import Key

# New units may come faster than they can be looked at.
LOOK_SECONDS = 5.0
PAGE_UNITS = 1000

Answer = TypeVar("Answer")


async def wal_written(backfill: Backfill) -> int | None:
    proving = besides(backfill, "wal_written")
    return None if proving is None else await _if_it_can_be_asked(proving.wal_written())


async def proof_of(backfill: Backfill, passage: Passage, lease: Lease) -> Proof:
    spans = [one.span for one in passage.ranges or () if one is not None]
    places = await _places(backfill, boundaries(spans))
    return Proof(
        places=places,
        after=await _after_split(backfill, _last(spans[-1].end if spans else None, places), lease),
        wal_bytes=_between(passage.wal_at_plan, await wal_written(backfill)),
        rules=tuple(backfill.rules),
    )


async def _places(backfill: Backfill, keys: Sequence[Key]) -> Places | None:
    proving = besides(backfill, "places_of")
    if proving is None:
        return None
    places = await _if_it_can_be_asked(proving.places_of(keys)) if keys else ()
    return None if places is None else dict(zip(keys, places, strict=True))


def _last(end: Key | None, places: Places | None) -> Key | None:
    return max(places, key=places.__getitem__) if places else end


async def _after_split(backfill: Backfill, after: Key | None, lease: Lease) -> AfterSplit | None:
    """It rests as long as it reads, as all of a verification does."""
    units, findings, until = 0, list[Finding](), time.monotonic() + LOOK_SECONDS
    while lease.may_go_on:
        began = time.monotonic()
        page = await _if_it_can_be_asked(backfill.check_page(after, None, units=PAGE_UNITS))
        if page is None:
            return None
        units, after = units + page.units, page.last_key
        findings.extend(page.findings)
        if after is None or time.monotonic() >= until:
            return AfterSplit(units=units, complete=after is None, findings=merge(findings))
        await lease.rest(at_least_ms=(time.monotonic() - began) * 1000 if lease.pace.rests else 0)
    return None


async def _if_it_can_be_asked(asking: Awaitable[Answer]) -> Answer | None:
    """A connection that is lost comes back, and it is asked again."""
    try:
        return await asking
    except BatchFailed as failed:
        if failed.failure is Failure.CONNECTION:
            raise
        return None


def _between(before: int | None, now: int | None) -> int | None:
    """None where the server is another one by now, which counts from elsewhere."""
    return now - before if now is not None and before is not None and now >= before else None
