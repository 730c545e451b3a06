"""Checkpoints of short batches, joined to one: advances are held back for a moment and told together.

    advance -> first of the claim, by the autopilot, or anything but plain progress?    told, with what was held back
            -> 25 ms since the last checkpoint, or the range is let go?    told, with what was held back
            -> else                                                        held back

What is held back is committed. A worker that is killed meanwhile leaves units that the next one finds settled, as it
does between any commit and its checkpoint, only that there may be those of several batches. Whatever else leads out of
the range, a failure too, what is held back is told first, so that counts are of all that was done.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType

from backfill.engine.lease import Lease
from backfill.engine.protocols import Advance
from backfill.runs.pace import AUTOPILOT
from backfill.runs.ranges import Part

# Beside an application a batch takes 5 ms, and on two slow cores a checkpoint after each took a seventh of the time and
# of the processor. A pause or a stop is noticed that much later: still sooner than after one batch at full pace.
TOLD_EVERY_MS = 25


class Joining:
    """Use as `async with`; leaving tells what is held back. `part` is what the store knows of a unit that is begun."""

    def __init__(self, lease: Lease, part: Part | None, stopwatch: Callable[[], float]) -> None:
        self._lease = lease
        self._stopwatch = stopwatch
        # The first answer brings the autopilot's word, which a claim does not have.
        self._told_at = -math.inf if lease.pace.mode == AUTOPILOT else stopwatch()
        self._begun = _unit_of(part)
        self._held: Advance | None = None

    async def __aenter__(self) -> Joining:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held is not None:
            await self._tell(self._held)

    async def add(self, advance: Advance) -> None:
        held = advance if self._held is None else joined(self._held, advance)
        if self._may_wait(advance):
            self._held = held
        else:
            await self._tell(held)

    def _may_wait(self, advance: Advance) -> bool:
        """Not where a limit of rows is kept by the answers to checkpoints, nor over a rest, which looks what is asked
        for. That a unit is begun is told at once, because a cancelled run is to finish it."""
        begins = advance.part is not None and advance.part.unit_id != self._begun
        if begins or not _is_plain(advance) or self._lease.pace.rows_per_second:
            return False
        return (self._stopwatch() - self._told_at) * 1000 + self._lease.rest_ms < TOLD_EVERY_MS

    async def _tell(self, advance: Advance) -> None:
        self._held = None
        await self._lease.checkpoint(advance)
        self._told_at = self._stopwatch()
        self._begun = _unit_of(advance.part)


def joined(earlier: Advance, later: Advance) -> Advance:
    """Both in one step, where the earlier one is plain progress: all but the sums is as the later one says."""
    return replace(
        later,
        cursor=later.cursor or earlier.cursor,
        units=earlier.units + later.units,
        rows=earlier.rows + later.rows,
        written=earlier.written + later.written,
        checked=earlier.checked + later.checked,
        batches_ms=earlier.batches_ms + later.batches_ms,
        batch_size=later.batch_size or earlier.batch_size,
    )


def _is_plain(advance: Advance) -> bool:
    aside = advance.put_aside or advance.taken_back or advance.quarantined
    return not (aside or advance.findings or advance.stage_done or advance.due_ms)


def _unit_of(part: Part | None) -> str | None:
    return None if part is None else part.unit_id
