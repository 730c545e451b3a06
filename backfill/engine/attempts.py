"""Settling a batch come what may: halve on a timeout, bisect down to the one unit that fails, put aside what is locked.

contention   units are put aside and tried again later
timeout      the two halves by themselves; one unit alone is too slow to be settled whole; a part, with half its rows
row          the two halves by themselves; one unit alone is quarantined, as is one that the definition itself refuses
connection, server, schema   not this batch's fault: raised to the slice
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from backfill.engine.protocols import Backfill, Settled
from backfill.runs.failures import BatchFailed, Failure

LEAST_PART_ROWS = 10


@dataclass(slots=True)
class Outcome:
    """What became of a batch's units; those in none of the collections are settled. Nothing was done to those `left`,
    which are the last of them."""

    written: int = 0
    transactions: int = 0
    elapsed_ms: float | None = None
    locked_ms: float | None = None
    contended: set[str] = field(default_factory=set)
    too_slow: set[str] = field(default_factory=set)
    failed: dict[str, BatchFailed] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    unfinished: bool = False
    mark: str | None = None

    @property
    def batches_ms(self) -> tuple[float, ...]:
        """As an advance has it."""
        return () if self.elapsed_ms is None or not self.written else (self.elapsed_ms,)


class Settles(Protocol):
    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        """As of a backfill."""
        ...


async def settle_units(backfill: Settles, unit_ids: Sequence[str], outcome: Outcome) -> None:
    """Each transaction commits by itself, so what succeeded stays done whatever the rest does."""
    if not unit_ids:
        return
    outcome.transactions += 1
    try:
        settled = await backfill.settle(unit_ids)
    except BatchFailed as failed:
        await _divide(backfill, unit_ids, outcome, failed)
    else:
        outcome.written += settled.written
        outcome.contended |= settled.contended
        outcome.failed |= settled.refused
        outcome.left |= settled.left
        outcome.locked_ms = settled.locked_ms


async def _divide(backfill: Settles, unit_ids: Sequence[str], outcome: Outcome, failed: BatchFailed) -> None:
    if failed.failure not in (Failure.CONTENTION, Failure.TIMEOUT, Failure.ROW):
        raise failed
    if failed.failure is Failure.CONTENTION:
        outcome.contended.update(unit_ids)
    elif len(unit_ids) > 1:
        middle = len(unit_ids) // 2
        await settle_units(backfill, unit_ids[:middle], outcome)
        if outcome.left:
            outcome.left.update(unit_ids[middle:])
        else:
            await settle_units(backfill, unit_ids[middle:], outcome)
    elif failed.failure is Failure.TIMEOUT:
        outcome.too_slow.add(unit_ids[0])
    else:
        outcome.failed[unit_ids[0]] = failed


async def settle_part(backfill: Backfill, unit_id: str, mark: str | None, rows: int, outcome: Outcome) -> None:
    """One transaction's worth of a large unit; `outcome.unfinished` says that more of it is left."""
    outcome.transactions += 1
    try:
        part = await backfill.settle_part(unit_id, mark, rows=rows)
    except BatchFailed as failed:
        if failed.failure is Failure.TIMEOUT and rows // 2 >= LEAST_PART_ROWS:
            await settle_part(backfill, unit_id, mark, rows // 2, outcome)
        elif failed.failure is Failure.CONTENTION:
            outcome.contended.add(unit_id)
        elif failed.failure in (Failure.TIMEOUT, Failure.ROW):
            outcome.failed[unit_id] = failed
        else:
            raise
    else:
        outcome.written += part.written
        outcome.mark = part.mark
        outcome.unfinished = not part.finished
