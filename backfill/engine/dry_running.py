"""A dry run: the batches of a run, all of them or as many as there is time for, each of them rolled back.

    lanes, as many as the pace has: the next place -> a few batches, bisected down to what is refused -> another place

It goes by the pace as a run does, so that it is no harder on the application. What is refused is found as a run finds
it, and told with the same words. No run is made, and none has to be there: Redis is not asked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from backfill.engine.attempts import Outcome, settle_units
from backfill.engine.checking import check_everything
from backfill.engine.guard import guarded
from backfill.engine.lookahead import Batch, Lookahead
from backfill.engine.preflight import require_privileges, require_schema, told_to_operator
from backfill.engine.protocols import CheckedPage, Previewable, Settled
from backfill.engine.sampling import BATCHES_AT_A_PLACE, spread_out
from backfill.runs.dry_run import DryRun, RefusedGroup, Tried
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.findings import Finding, merge
from backfill.runs.pace import BatchSize, Pace
from backfill.runs.ranges import Plan, Span, Unit, ranges_wanted
from backfill.runs.rehearsed import Rehearsed

WEIGH_EVERY = 20
UNITS_KEPT = 20
CHECKED_AT_A_PLACE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far it goes: `seconds` at most, None for all units. `announce` is called when it begins."""

    seconds: float | None
    stopwatch: Callable[[], float]
    announce: Callable[[], None] = lambda: None


async def dry_run(backfill: Previewable, pace: Pace, reach: Reach) -> DryRun:
    """Raises SchemaNotReady, DatabaseUnreachable and DefinitionFailed, as the beginning of a run does."""
    backfill = guarded(backfill)
    await require_schema(backfill)
    await require_privileges(backfill, writes=True)
    with told_to_operator():
        plan = await backfill.plan(ranges_wanted(pace.parallel))
        reach.announce()
        began = reach.stopwatch()
        units_checked, findings = await _verified(backfill, plan, whole=reach.seconds is None)
        walk = _Walk(backfill, pace, reach, spread_out(plan.spans))
        complete = await walk.to_its_end()
    return DryRun(
        backfill=backfill.name,
        pace=pace,
        units_total=max(plan.units_total, walk.notes.units),
        complete=complete,
        seconds=reach.stopwatch() - began,
        tried=walk.notes.tried(),
        refused=walk.notes.groups(),
        units_checked=units_checked,
        findings=findings,
    )


async def _verified(backfill: Previewable, plan: Plan, *, whole: bool) -> tuple[int, tuple[Finding, ...]]:
    """What verification says before: of everything, or of a page at each place."""
    if whole:
        return await check_everything(backfill)
    pages: list[CheckedPage] = [
        await backfill.check_page(span.start, span.end, units=CHECKED_AT_A_PLACE) for span in plan.spans
    ]
    return sum(page.units for page in pages), merge([finding for page in pages for finding in page.findings])


@dataclass(slots=True)
class _Notes:
    units: int = 0
    units_with_work: int = 0
    rows: int = 0
    batches: int = 0
    busy_ms: float = 0.0
    timed_rows: int = 0
    wal_bytes: int = 0
    wal_rows: int = 0
    contended: int = 0
    too_slow: int = 0
    refused: dict[tuple[str, str | None, str | None], list[str]] = field(default_factory=dict)
    refused_counts: dict[tuple[str, str | None, str | None], int] = field(default_factory=dict)

    def took(self, one: Rehearsed) -> None:
        self.batches += 1
        self.rows += one.written
        self.contended += one.contended
        if one.wal is not None:
            self.wal_bytes += one.wal.bytes
            self.wal_rows += one.wal.rows
        elif one.written:
            self.busy_ms += one.ms + one.commit_ms
            self.timed_rows += one.written

    def refuse(self, unit_id: str, failed: BatchFailed) -> None:
        kind = (failed.message, failed.sqlstate, failed.constraint)
        self.refused_counts[kind] = self.refused_counts.get(kind, 0) + 1
        units = self.refused.setdefault(kind, [])
        if len(units) < UNITS_KEPT:
            units.append(unit_id)

    def tried(self) -> Tried:
        return Tried(
            units=self.units,
            units_with_work=self.units_with_work,
            rows=self.rows,
            batches=self.batches,
            busy_ms=self.busy_ms,
            timed_rows=self.timed_rows,
            wal_bytes=self.wal_bytes,
            wal_rows=self.wal_rows,
            contended=self.contended,
            too_slow=self.too_slow,
        )

    def groups(self) -> tuple[RefusedGroup, ...]:
        """The most frequent first."""
        found = [
            RefusedGroup(
                error=kind[0], sqlstate=kind[1], constraint=kind[2], count=self.refused_counts[kind], units=tuple(units)
            )
            for kind, units in self.refused.items()
        ]
        return tuple(sorted(found, key=lambda group: -group.count))


class _RolledBack:
    """Settles as `settle_units` wants it, and keeps none of it."""

    def __init__(self, backfill: Previewable, notes: _Notes, *, weigh: bool) -> None:
        self._backfill = backfill
        self._notes = notes
        self._weigh = weigh
        self.written = 0
        self.ms = 0.0

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        one = await self._backfill.rehearse(unit_ids, weigh=self._weigh)
        self._note(one)
        return Settled(written=one.written, refused=one.refused, left=one.left)

    async def part(self, unit: Unit, mark: str | None, rows: int) -> str | None:
        """Where the next part begins; None after the last."""
        one = await self._backfill.rehearse_part(unit.id, mark, rows=rows)
        self._note(one)
        return one.mark

    def _note(self, one: Rehearsed) -> None:
        self._notes.took(one)
        self.written += one.written
        self.ms += one.ms + one.commit_ms


class _Walk:
    """Lanes over the places that are left; `notes` is what they write down."""

    def __init__(self, backfill: Previewable, pace: Pace, reach: Reach, spans: Sequence[Span]) -> None:
        self._backfill = backfill
        self._pace = pace
        self._reach = reach
        self._until = None if reach.seconds is None else reach.stopwatch() + reach.seconds
        self._places = deque(Lookahead(backfill, span, None) for span in spans)
        self._turns = 0
        self.notes = _Notes()

    async def to_its_end(self) -> bool:
        """Whether it came there before the time was up."""
        await asyncio.gather(*(self._lane() for _ in range(self._pace.parallel)))
        return not self._places

    async def _lane(self) -> None:
        size = BatchSize()
        while self._places and not self._time_is_up():
            place = self._places.popleft()
            for _ in range(BATCHES_AT_A_PLACE):
                batch = await place.next_batch(self._rows(size), self._whole_rows(size))
                if batch is None:
                    break
                size = await self._turn(place, batch, size)
                if self._time_is_up():
                    self._places.append(place)
                    break
            else:
                self._places.append(place)

    async def _turn(self, place: Lookahead, batch: Batch, size: BatchSize) -> BatchSize:
        """The size of the batch after it."""
        self._turns += 1
        weigh = self._turns % WEIGH_EVERY == 1
        trial, outcome = _RolledBack(self._backfill, self.notes, weigh=weigh), Outcome()
        large = batch.large(self._whole_rows(size))
        if large is None:
            await settle_units(trial, batch.to_settle, outcome)
        else:
            await self._parts(trial, large, outcome, self._rows(size))
        begun = batch.without(outcome.left)
        place.put_back(batch.units[len(begun.units) :])
        self._note(begun, outcome)
        await self._rest(trial.written)
        if weigh or outcome.transactions != 1:
            return size
        return size.after(trial.written, trial.ms, target_ms=self._pace.target_ms, most_rows=self._pace.batch_rows)

    async def _parts(self, trial: _RolledBack, unit: Unit, outcome: Outcome, rows: int) -> None:
        mark: str | None = None
        while True:
            try:
                mark = await trial.part(unit, mark, rows)
            except BatchFailed as failed:
                if failed.failure not in (Failure.CONTENTION, Failure.TIMEOUT, Failure.ROW):
                    raise
                _why_not(unit.id, failed, outcome)
                return
            if mark is None or self._time_is_up():
                return

    def _note(self, batch: Batch, outcome: Outcome) -> None:
        notes = self.notes
        notes.units += len(batch.units)
        notes.units_with_work += len(batch.to_settle)
        notes.contended += len(outcome.contended)
        notes.too_slow += len(outcome.too_slow)
        for unit_id, failed in outcome.failed.items():
            notes.refuse(unit_id, failed)

    async def _rest(self, written: int) -> None:
        limit = self._pace.rows_per_second
        seconds = self._pace.pause_ms / 1000 + (written / limit * self._pace.parallel if limit else 0.0)
        if seconds:
            await asyncio.sleep(seconds)

    def _rows(self, size: BatchSize) -> int:
        return min(size.rows, self._pace.batch_rows)

    def _whole_rows(self, size: BatchSize) -> int:
        return size.whole_rows(self._pace.batch_rows)

    def _time_is_up(self) -> bool:
        return self._until is not None and self._reach.stopwatch() >= self._until


def _why_not(unit_id: str, failed: BatchFailed, outcome: Outcome) -> None:
    match failed.failure:
        case Failure.CONTENTION:
            outcome.contended.add(unit_id)
        case Failure.TIMEOUT:
            outcome.too_slow.add(unit_id)
        case _:
            outcome.failed[unit_id] = failed
