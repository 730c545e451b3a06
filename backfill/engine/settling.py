"""Settling a range: the main loop, from the cursor to the range's end.

    claim -> ((lock, settle, commit)+, checkpoint)* -> let go

Commit comes before checkpoint: a crash between the two only means that the next worker finds those units settled, also
where short batches have one checkpoint for several of them (`joining`). Units that live traffic holds are put aside in
the same checkpoint that moves the cursor past them, so they are never forgotten and never counted as done. So are units
that took too long even alone: they are taken up again in small parts, between which a pause is noticed.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from backfill.engine.aside import Aside
from backfill.engine.attempts import LEAST_PART_ROWS, Outcome, settle_part, settle_units
from backfill.engine.joining import Joining
from backfill.engine.lease import Lease
from backfill.engine.lookahead import FIRST_PAGE, Batch, Lookahead, take
from backfill.engine.protocols import Advance, Backfill, Claim
from backfill.engine.stretching import Stretched, Stretches, way_ahead
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.ranges import Part, Passed, Quarantined, Unit

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a slice passes in: epoch milliseconds, a stopwatch in seconds, randomness, whether the slice should end."""

    now_ms: Callable[[], int]
    stopwatch: Callable[[], float]
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
        self._ahead = way_ahead(backfill, claim.span, claim.cursor, around.stopwatch, ahead=lease.look_ahead)
        self._aside = Aside(claim, around.random)
        self._size = claim.batch_size
        if isinstance(self._ahead, Stretches) and claim.cursor is None and lease.batch_size is not None:
            self._size = lease.batch_size
        self._part = claim.part
        self._unfinished: Batch | None = None
        self._asked = FIRST_PAGE

    async def run(self) -> None:
        async with Joining(self._lease, self._claim.part, self._around.stopwatch) as progress:
            while self._may_go_on() and not self._around.should_end():
                batch = await self._next_batch()
                if batch is None:
                    await progress.add(self._end_of_range())
                    return
                await progress.add(await self._take_up(batch))
                await self._lease.rest()

    async def _take_up(self, batch: Batch | Stretched | Passed) -> Advance:
        if isinstance(batch, Stretched):
            return self._advance_stretch(batch)
        if isinstance(batch, Passed):
            return Advance(cursor=batch.last_key, units=batch.units, rows=batch.rows, batch_size=self._size)
        outcome = await self._settle(batch)
        if outcome.left:
            batch = self._put_back(batch, outcome)
        return await self._advance(batch, outcome)

    def _may_go_on(self) -> bool:
        begun = self._part is not None or self._aside.begun
        return self._lease.may_go_on or (self._lease.winding_up and begun)

    def _most_rows(self) -> int:
        """In a transaction: as many as the operator allows, or fewer where the definition says so."""
        own = getattr(self._backfill, "batch_rows", None)
        return min(own or self._lease.pace.batch_rows, self._lease.pace.batch_rows)

    def _rows(self) -> int:
        return min(self._size.rows, self._most_rows())

    def _whole_rows(self) -> int:
        """A unit of up to so many rows is settled whole."""
        return self._size.whole_rows(self._most_rows())

    async def _next_batch(self) -> Batch | Stretched | Passed | None:
        if self._unfinished is not None:
            return self._unfinished
        if self._part is not None and (self._lease.winding_up or self._aside.has(self._part.unit_id)):
            return await self._by_name((self._part.unit_id,))
        if self._part is not None:  # it comes next after the cursor, and another batch would forget it
            return await self._next_ahead()
        due = self._aside.due(self._around.now_ms(), only_begun=self._lease.winding_up, most=self._asked)
        if due:
            return await self._by_name(due)
        return None if self._lease.winding_up else await self._next_ahead()

    async def _next_ahead(self) -> Batch | Stretched | Passed | None:
        if not isinstance(self._ahead, Lookahead):
            return await self._ahead.next_batch(self._rows(), self._whole_rows())
        # By name, where the counts have rows of a unit already.
        by_name = self._part is not None or self._aside.first_due_ms is not None
        passed = None if by_name else await self._ahead.next_settled()
        batch = passed or await self._ahead.next_batch(self._rows(), self._whole_rows())
        self._lease.keep_look_ahead(self._ahead.ahead)
        return batch

    async def _by_name(self, unit_ids: tuple[str, ...]) -> Batch:
        """As many of them as fit into a batch: units that the cursor has passed, or is to pass. Bisected to the one
        that cannot be read."""
        whole_rows = self._whole_rows()
        try:
            units = await self._backfill.read_units(unit_ids, row_cap=whole_rows + 1)
        except BatchFailed as failed:
            if failed.failure is not Failure.ROW:
                raise
            if len(unit_ids) == 1:
                return Batch(units=(), named=unit_ids, failed=failed)
            return await self._by_name(unit_ids[: len(unit_ids) // 2])
        gone = set(unit_ids) - {unit.id for unit in units}
        taken = take(deque(units), self._rows(), lambda unit: unit.capped or unit.is_large(whole_rows)) if units else ()
        self._asked = max(FIRST_PAGE, min(2 * len(taken), self._rows()))
        return Batch(units=taken, named=(*(unit.id for unit in taken), *sorted(gone)))

    def _large(self, batch: Batch) -> Unit | None:
        """The one unit that is settled in parts, if this is such a batch."""
        if len(batch.units) == 1 and self._aside.is_for_parts(batch.units[0].id):
            return batch.units[0]
        return batch.large(self._whole_rows())

    async def _settle(self, batch: Batch) -> Outcome:
        outcome = Outcome()
        if batch.failed is not None:
            outcome.failed[batch.named[0]] = batch.failed
        large = self._large(batch)
        began = self._around.stopwatch()
        if large is None:
            await settle_units(self._backfill, batch.to_settle, outcome)
        else:
            mark = self._part.mark if self._part and self._part.unit_id == large.id else None
            rows = 2 * LEAST_PART_ROWS if self._aside.is_for_parts(large.id) else self._rows()
            await settle_part(self._backfill, large.id, mark, rows, outcome)
        if outcome.transactions == 1:
            elapsed_ms = (self._around.stopwatch() - began) * 1000
            outcome.elapsed_ms = elapsed_ms if outcome.locked_ms is None else outcome.locked_ms
            pace = self._lease.pace
            self._size = self._size.after(
                outcome.written, outcome.elapsed_ms, target_ms=pace.target_ms, most_rows=pace.batch_rows
            )
        return outcome

    def _put_back(self, batch: Batch, outcome: Outcome) -> Batch:
        """Without the units that there was no time for: they come next. Those that were named are still put aside."""
        begun = batch.without(outcome.left)
        if not batch.named:
            self._ahead.put_back(batch.units[len(begun.units) :])
        return begun

    async def _advance(self, batch: Batch, outcome: Outcome) -> Advance:
        """What the batch moves; nothing but the rows written and the part while a large unit is unfinished."""
        if outcome.unfinished:
            return self._advance_part(batch, outcome)
        begun = self._part
        self._unfinished = self._part = None
        now = self._around.now_ms()
        later = outcome.contended | outcome.too_slow
        done = [u for u in batch.units if u.id not in later and u.id not in outcome.failed]
        counts = await self._rows_left_to_count(done, begun, outcome)
        gone = [unit_id for unit_id in batch.gone if not self._aside.counted(unit_id)]
        names = {unit.id for unit in batch.units} | set(batch.named)
        return Advance(
            cursor=batch.last_key,
            units=len(counts) + len(gone),
            rows=sum(counts),
            written=outcome.written,
            quarantined=tuple(self._quarantine(unit_id, why, begun, now) for unit_id, why in outcome.failed.items()),
            put_aside=self._aside.put_off(outcome.contended, now, begun=begun)
            + self._aside.keep_for_parts(outcome.too_slow, now, begun=begun),
            taken_back=self._aside.take_back(names - later),
            batch_size=self._size,
            batches_ms=outcome.batches_ms,
        )

    def _advance_stretch(self, one: Stretched) -> Advance:
        """Sized by its time whatever it wrote, as a stretch costs something where nothing is to be written, too."""
        stretch, pace = one.stretch, self._lease.pace
        self._size = self._size.by_rows_alike(one.elapsed_ms, target_ms=pace.target_ms, most_rows=pace.batch_rows)
        passed = stretch.units - len(stretch.contended)
        return Advance(
            cursor=one.key,
            units=passed,
            rows=passed,
            written=stretch.written,
            put_aside=self._aside.put_off(stretch.contended, self._around.now_ms(), begun=None),
            batch_size=self._size,
            batches_ms=(one.elapsed_ms,) if stretch.written else (),
        )

    def _advance_part(self, batch: Batch, outcome: Outcome) -> Advance:
        self._unfinished = batch
        unit_id = batch.units[0].id
        rows = 0 if self._aside.counted(unit_id) else outcome.written
        counted = self._rows_counted(unit_id, self._part) + rows
        self._part = Part(unit_id=unit_id, mark=outcome.mark, rows_counted=counted)
        return Advance(
            rows=rows,
            written=outcome.written,
            part=self._part,
            batch_size=self._size,
            batches_ms=outcome.batches_ms,
        )

    async def _rows_left_to_count(self, done: Sequence[Unit], begun: Part | None, outcome: Outcome) -> list[int]:
        """Of each unit that the counts do not have yet. One whose rows cannot be counted fails after all."""
        counts = []
        for unit in done:
            if self._aside.counted(unit.id):
                continue
            try:
                rows = await self._backfill.count_rows(unit.id) if unit.capped else unit.rows
            except BatchFailed as failed:
                if failed.failure is not Failure.ROW:
                    raise
                outcome.failed[unit.id] = failed
            else:
                counts.append(max(rows - self._rows_counted(unit.id, begun), 0))
        return counts

    def _rows_counted(self, unit_id: str, begun: Part | None) -> int:
        if begun is not None and begun.unit_id == unit_id:
            return begun.rows_counted
        return self._aside.rows_counted(unit_id)

    def _quarantine(self, unit_id: str, why: BatchFailed, begun: Part | None, now: int) -> Quarantined:
        log.warning("unit quarantined", run=self._claim.run_id, unit=unit_id, sqlstate=why.sqlstate, reason=why.message)
        return Quarantined(
            unit_id=unit_id,
            range_index=self._claim.range_index,
            sqlstate=why.sqlstate,
            constraint=why.constraint,
            error=why.message,
            at_ms=now,
            counted=self._aside.counted(unit_id),
            begun=self._aside.is_begun(unit_id) or (begun is not None and begun.unit_id == unit_id),
            rows_counted=self._rows_counted(unit_id, begun),
        )

    def _end_of_range(self) -> Advance:
        """Done, or waiting for the first unit that was put aside to become due."""
        advance = Advance(batch_size=self._size)
        due_ms = self._aside.first_due_ms
        return replace(advance, stage_done=True) if due_ms is None else replace(advance, due_ms=due_ms)
