"""Settling a range: the main loop, from the cursor to the range's end.

    claim -> (lock, settle, commit, checkpoint)* -> let go

Commit comes before checkpoint: a crash between the two only means that the next worker finds those units
settled. Units that live traffic holds are put aside in the same checkpoint that moves the cursor past them,
so they are never forgotten and never counted as done.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from worker.engine.attempts import Outcome, settle_part, settle_units
from worker.engine.lease import Lease
from worker.engine.lookahead import Batch, Lookahead
from worker.engine.protocols import Advance, Backfill, Claim
from worker.runs.failures import BatchFailed
from worker.runs.ranges import Part, PutAside, Quarantined, Unit

BACKOFF_FIRST_MS = 100
BACKOFF_LONGEST_MS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a slice passes in: epoch milliseconds, randomness, and whether the slice should end."""

    now_ms: Callable[[], int]
    random: random.Random
    should_end: Callable[[], bool]


class RangeSettler:
    """One worker's work on one claimed range."""

    def __init__(self, backfill: Backfill, claim: Claim, lease: Lease, around: Surroundings) -> None:
        if claim.span is None:
            raise ValueError("a claim to settle has a range")
        self._backfill = backfill
        self._claim = claim
        self._lease = lease
        self._around = around
        self._lookahead = Lookahead(backfill, claim.span, claim.cursor)
        self._put_aside = {unit.unit_id: unit for unit in claim.put_aside}
        self._part = claim.part
        self._unfinished: Batch | None = None

    async def run(self) -> None:
        while self._lease.may_go_on and not self._around.should_end():
            batch = await self._next_batch()
            if batch is None:
                await self._lease.checkpoint(self._end_of_range())
                return
            outcome = await self._settle(batch)
            await self._lease.checkpoint(await self._advance(batch, outcome))
            await self._lease.pause()

    async def _next_batch(self) -> Batch | None:
        if self._unfinished is not None:
            return self._unfinished
        due = [unit.unit_id for unit in self._put_aside.values() if unit.due_ms <= self._around.now_ms()]
        if due:
            return await self._units_again(due[0])
        return await self._lookahead.next_batch(self._lease.pace.batch_rows)

    async def _units_again(self, unit_id: str) -> Batch | None:
        rows = self._lease.pace.batch_rows
        units = await self._backfill.read_units([unit_id], row_cap=rows + 1)
        if units:
            return Batch(units=units, moves_cursor=False)
        gone = self._put_aside.pop(unit_id)  # deleted since: there is nothing left to settle
        await self._lease.checkpoint(Advance(taken_back=frozenset({unit_id}), units=0 if gone.counted else 1))
        return await self._next_batch()

    async def _settle(self, batch: Batch) -> Outcome:
        outcome = Outcome()
        rows = self._lease.pace.batch_rows
        large = batch.large(rows)
        if large is None:
            await settle_units(self._backfill, batch.to_settle, outcome)
        else:
            mark = self._part.mark if self._part and self._part.unit_id == large.id else None
            await settle_part(self._backfill, large.id, mark, rows, outcome)
        return outcome

    async def _advance(self, batch: Batch, outcome: Outcome) -> Advance:
        """What the batch moves; nothing but the rows written and the part while a large unit is unfinished."""
        if outcome.unfinished:
            self._unfinished = batch
            mark = outcome.mark
            self._part = Part(unit_id=batch.units[0].id, mark=mark) if mark is not None else None
            return Advance(written=outcome.written, part=self._part)
        self._unfinished = self._part = None
        now = self._around.now_ms()
        done = [u for u in batch.units if u.id not in outcome.contended and u.id not in outcome.failed]
        counted = {unit_id for unit_id, unit in self._put_aside.items() if unit.counted} & {unit.id for unit in done}
        put_aside = tuple(self._put_off(unit_id, now) for unit_id in sorted(outcome.contended))
        taken_back = frozenset(unit.id for unit in batch.units if unit.id in self._put_aside) - outcome.contended
        self._put_aside = {k: v for k, v in self._put_aside.items() if k not in taken_back}
        self._put_aside.update({unit.unit_id: unit for unit in put_aside})
        return Advance(
            cursor=batch.last_key,
            units=len(done) - len(counted),
            rows=sum([await self._rows_of(unit) for unit in done if unit.id not in counted]),
            written=outcome.written,
            put_aside=put_aside,
            taken_back=taken_back,
            quarantined=tuple(self._quarantine(unit_id, why, now) for unit_id, why in outcome.failed.items()),
        )

    async def _rows_of(self, unit: Unit) -> int:
        return await self._backfill.count_rows(unit.id) if unit.capped else unit.rows

    def _put_off(self, unit_id: str, now: int) -> PutAside:
        before = self._put_aside.get(unit_id)
        tries = before.tries + 1 if before else 1
        ceiling = min(BACKOFF_FIRST_MS * 2 ** min(tries, 16), BACKOFF_LONGEST_MS)
        return PutAside(
            unit_id=unit_id,
            range_index=self._claim.range_index,
            since_ms=before.since_ms if before else now,
            tries=tries,
            counted=before.counted if before else False,
            due_ms=now + round(self._around.random.uniform(0.5, 1.0) * ceiling),
        )

    def _quarantine(self, unit_id: str, why: BatchFailed, now: int) -> Quarantined:
        return Quarantined(
            unit_id=unit_id,
            range_index=self._claim.range_index,
            sqlstate=why.sqlstate,
            constraint=why.constraint,
            error=why.message,
            at_ms=now,
        )

    def _end_of_range(self) -> Advance:
        """Done, or waiting for the first unit that was put aside to become due."""
        if not self._put_aside:
            return Advance(stage_done=True)
        return Advance(due_ms=min(unit.due_ms for unit in self._put_aside.values()))
