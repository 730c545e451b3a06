"""A worker as the store sees it: it claims, moves on, puts units aside, freezes, comes back late, repeats itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from backfill.engine.protocols import Advance, Claim, Task, Totals
from backfill.runs.ranges import Part, PutAside, Quarantined
from backfill.runs.states import WORKING, State
from tests.support.store_model import UNITS_PER_RANGE, key_of, position_after, rows_of, unit_of

PART_ROWS = 4
BATCH_MS = 50.0
OUTCOMES = ("settled", "settled", "settled", "contended", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One checkpoint, and what really happened to which unit: the model counts that, the store the advance."""

    sequence: int
    advance: Advance
    totals: Totals
    unit_id: str | None
    happened: str


class StoreWorker:
    """Knows what its claim told it and what it did since, like the real one; nothing of the model."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.heard = State.CANCELLING if claim.winding_up else State.RUNNING
        self.last: Step | None = None
        self._at_end = False
        self._sequence = claim.sequence
        self._totals = claim.totals
        self._position = position_after(claim.cursor)
        self._part = claim.part
        self._aside = {unit.unit_id: unit for unit in claim.put_aside}

    @property
    def may_go_on(self) -> bool:
        begun = self._part is not None or any(unit.begun for unit in self._aside.values())
        if self._at_end:
            return False
        return self.heard in WORKING or (self.heard is State.CANCELLING and begun)

    def next_step(self, how: str, now_ms: int) -> Step:
        """`how` is what is to happen to the unit it comes to: settled, contended or failed."""
        unit_id, in_order = self._next_unit()
        if unit_id is None:
            self._at_end = True
            happened, advance = "end", Advance(stage_done=self.claim.task is Task.CHECK or not self._aside)
        elif self.claim.task is Task.CHECK:
            happened, advance = self._check(unit_id, how, now_ms)
        else:
            happened, advance = self._settle(unit_id, how, now_ms, in_order=in_order)
        self._sequence += 1
        self._totals = self._totals.plus(advance)
        self.last = Step(
            sequence=self._sequence, advance=advance, totals=self._totals, unit_id=unit_id, happened=happened
        )
        return self.last

    def _next_unit(self) -> tuple[str | None, bool]:
        winding_up = self.heard is State.CANCELLING
        in_order = None
        if self._position < UNITS_PER_RANGE:
            in_order = unit_of(self.claim.range_index, self._position)
        if self._part is not None:
            return self._part.unit_id, self._part.unit_id == in_order and not winding_up
        if self.claim.task is Task.SETTLE:
            for unit_id, unit in self._aside.items():
                if unit.begun or not winding_up:
                    return unit_id, False
        return in_order, True

    def _check(self, unit_id: str, how: str, now_ms: int) -> tuple[str, Advance]:
        self._position += 1
        if how != "contended":
            return "checked", Advance(cursor=key_of(unit_id), checked=1)
        sent_back = self._put_aside(unit_id, now_ms, counted=True, begun=False, rows_counted=0)
        return "sent back", Advance(cursor=key_of(unit_id), checked=1, put_aside=(sent_back,))

    def _settle(self, unit_id: str, how: str, now_ms: int, *, in_order: bool) -> tuple[str, Advance]:
        known = self._aside.get(unit_id)
        counted = known is not None and known.counted
        rows_counted = self._part.rows_counted if self._part else known.rows_counted if known else 0
        begun = self._part is not None or (known is not None and known.begun)
        if how == "settled" and not counted and rows_of(unit_id) > rows_counted + PART_ROWS:
            self._part = Part(unit_id=unit_id, mark="m", rows_counted=rows_counted + PART_ROWS)
            return "part", Advance(rows=PART_ROWS, written=PART_ROWS, part=self._part, batches_ms=(BATCH_MS,))
        self._part = None
        self._position += in_order
        cursor = key_of(unit_id) if in_order else None
        if how == "contended":
            put = self._put_aside(unit_id, now_ms, counted=counted, begun=begun, rows_counted=rows_counted)
            self._aside[unit_id] = put
            return "contended", Advance(cursor=cursor, put_aside=(put,))
        taken = frozenset({unit_id} & self._aside.keys())
        self._aside.pop(unit_id, None)
        if how == "failed":
            failed = self._quarantine(unit_id, now_ms, counted=counted, begun=begun, rows_counted=rows_counted)
            return "failed", Advance(cursor=cursor, taken_back=taken, quarantined=(failed,))
        rest = 0 if counted else rows_of(unit_id) - rows_counted
        advance = Advance(cursor=cursor, units=not counted, rows=rest, written=rest, taken_back=taken)
        return "settled", replace(advance, batches_ms=(BATCH_MS,) if rest else ())

    def _put_aside(self, unit_id: str, now_ms: int, *, counted: bool, begun: bool, rows_counted: int) -> PutAside:
        return PutAside(
            unit_id=unit_id,
            range_index=self.claim.range_index,
            since_ms=now_ms,
            tries=1,
            due_ms=now_ms,
            counted=counted,
            begun=begun,
            rows_counted=rows_counted,
        )

    def _quarantine(self, unit_id: str, now_ms: int, *, counted: bool, begun: bool, rows_counted: int) -> Quarantined:
        return Quarantined(
            unit_id=unit_id,
            range_index=self.claim.range_index,
            sqlstate="23514",
            constraint=None,
            error="refused",
            at_ms=now_ms,
            counted=counted,
            begun=begun,
            rows_counted=rows_counted,
        )
