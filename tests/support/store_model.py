"""What a run must look like after any sequence of steps, in the plainest terms: sets of units and who holds what.

The model counts by looking at the units themselves, so a unit that the store counts twice, or forgets, shows up as a
difference. It decides nothing that the store decides (which range, which state): it only says what may not happen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from backfill.engine.protocols import Claim, Event, Task
from backfill.runs.pace import Pace
from backfill.runs.ranges import Key, Part, Plan, PutAside, Quarantined, Span
from backfill.runs.states import DONE, Action, State, target_of
from backfill.runs.terms import Terms
from backfill.store.redis_store import RedisStore

if TYPE_CHECKING:
    from tests.support.store_worker import Step

BACKFILL = "generation-versions"
RANGES = 3
UNITS_PER_RANGE = 4
# A cancelled run is at its end, so cancel comes seldom enough for the rest to get far.
COMMANDS = (Action.APPROVE, Action.PAUSE, Action.RESUME, Action.RETRY, Action.RETRY, Action.CANCEL)
ROWS = (9, 2, 13)  # of the units, in turn; the larger ones are settled in parts


def unit_of(range_index: int, position: int) -> str:
    return f"r{range_index}u{position}"


def rows_of(unit_id: str) -> int:
    return ROWS[(int(unit_id[1]) + int(unit_id[3])) % len(ROWS)]


def key_of(unit_id: str) -> Key:
    return (unit_id[1], unit_id)


def position_after(key: Key | None) -> int:
    """How many units of its range a cursor has passed."""
    return 0 if key is None else int(key[1][3]) + 1


def spans() -> tuple[Span, ...]:
    ends = [key_of(unit_of(index, UNITS_PER_RANGE - 1)) for index in range(RANGES)]
    return tuple(Span(start=start, end=end) for start, end in zip([None, *ends], ends, strict=False))


ALL_UNITS = {unit_of(index, position) for index in range(RANGES) for position in range(UNITS_PER_RANGE)}
PLAN = Plan(spans=spans(), units_total=len(ALL_UNITS), rows_total=sum(map(rows_of, ALL_UNITS)), total_is_estimate=False)


def pace_of(parallel: int) -> Pace:
    return Pace(parallel=parallel, batch_rows=100, target_ms=50, pause_ms=0, rows_per_second=0)


def task_name(claim: Claim) -> str:
    return str(claim.range_index) if claim.range_index >= 0 else claim.task.value


async def claim_first_range(store: RedisStore, pace: Pace | None = None) -> Claim:
    """A worker at the first range of a run that is planned."""
    created = await store.create(BACKFILL, pace or pace_of(1), requested_by="test", idempotency_key=None)
    planning = await store.claim(created.run_id, token="planner")
    assert planning is not None
    assert await store.save_plan(planning, PLAN)
    await store.release(planning)
    claimed = await store.claim(created.run_id, token="first")
    assert claimed is not None
    assert (claimed.task, claimed.range_index) == (Task.SETTLE, 0)
    return claimed


async def forget(redis: Redis, prefix: str) -> None:
    """Deletes every key that begins so, and ends the connections."""
    keys = [key async for key in redis.scan_iter(f"{prefix}:*")]
    if keys:
        await redis.delete(*keys)
    await redis.connection_pool.aclose()


@dataclass(slots=True)
class RangeModel:
    stage: str = "open"
    passed: int = 0
    checked: int = 0
    sequence: int = 0
    part: Part | None = None
    aside: dict[str, PutAside] = field(default_factory=dict)

    @property
    def begun(self) -> bool:
        return self.part is not None or any(unit.begun for unit in self.aside.values())


@dataclass(slots=True)
class RunModel:
    """`leases` is token and end of each task that somebody has, live or not."""

    pace: Pace
    terms: Terms = field(default_factory=Terms)
    state: State = State.QUEUED
    planned: bool = False
    ranges: list[RangeModel] = field(default_factory=lambda: [RangeModel() for _ in range(RANGES)])
    settled: set[str] = field(default_factory=set)
    rows_in_part: dict[str, int] = field(default_factory=dict)
    written: int = 0
    batches: int = 0
    endings: list[State] = field(default_factory=list)
    quarantined: dict[str, Quarantined] = field(default_factory=dict)
    leases: dict[str, tuple[str, int]] = field(default_factory=dict)
    last_event: str = "0"

    def allows(self, action: Action) -> bool:
        nothing_to_retry = action is Action.RETRY and self.state is State.PAUSED and not self.quarantined
        return target_of(action, self.state) is not None and not nothing_to_retry

    def live(self, now_ms: int) -> set[str]:
        return {task for task, (_, until) in self.leases.items() if until > now_ms}

    def holds(self, claim: Claim, now_ms: int) -> bool:
        """An expired lease that nobody has taken is good, if there is still room for it."""
        token, until = self.leases.get(task_name(claim), ("", 0))
        return token == claim.token and (until > now_ms or len(self.live(now_ms)) < self.pace.parallel)

    @property
    def rows_done(self) -> int:
        begun = sum(rows for unit_id, rows in self.rows_in_part.items() if unit_id not in self.settled)
        return sum(rows_of(unit_id) for unit_id in self.settled) + begun

    @property
    def counts(self) -> tuple[int, int, int]:
        """Units done, rows done, rows written."""
        return len(self.settled), self.rows_done, self.written

    def check_claim(self, claim: Claim, now_ms: int) -> None:
        """What is handed out is free, within the limit, unfinished, and says exactly where the work stands."""
        assert (claim.backfill, claim.terms) == (BACKFILL, self.terms)
        assert task_name(claim) not in self.live(now_ms), "two live leases on one task"
        assert len(self.live(now_ms)) < self.pace.parallel, "more leases than parallel"
        if claim.range_index < 0:
            return
        known = self.ranges[claim.range_index]
        checking = claim.task is Task.CHECK
        assert known.stage == ("settled" if checking else "open")
        assert position_after(claim.cursor) == (known.checked if checking else known.passed)
        assert claim.part == known.part
        assert {unit.unit_id for unit in claim.put_aside} == set(known.aside)
        assert not claim.winding_up or known.begun, "a cancelled run begins nothing"

    def apply(self, claim: Claim, step: Step) -> None:
        """What a checkpoint under a good lease moves; the one that was moved before moves nothing."""
        known = self.ranges[claim.range_index]
        if step.sequence <= known.sequence:
            return
        known.sequence = step.sequence
        known.part = step.advance.part
        self.written += step.advance.written
        self.batches += len(step.advance.batches_ms)
        if step.advance.cursor is not None and claim.task is Task.CHECK:
            known.checked = position_after(step.advance.cursor)
        elif step.advance.cursor is not None:
            known.passed = position_after(step.advance.cursor)
        if step.advance.stage_done:
            known.stage = "verified" if claim.task is Task.CHECK else "settled"
        if step.unit_id is not None:
            self._unit_went(known, step.unit_id, step)

    def _unit_went(self, known: RangeModel, unit_id: str, step: Step) -> None:
        if step.happened == "part" and known.part is not None:
            self.rows_in_part[unit_id] = known.part.rows_counted
        if step.happened in ("settled", "failed"):
            known.aside.pop(unit_id, None)
        if step.happened == "settled":
            self.settled.add(unit_id)
        if step.happened == "failed":
            self.quarantined[unit_id] = step.advance.quarantined[0]
        if step.happened in ("contended", "sent back") and unit_id not in self.quarantined:
            known.aside[unit_id] = step.advance.put_aside[0]

    def saw(self, event: Event, now_ms: int) -> None:
        """Follows the run's own account of its states, and says where it is impossible."""
        self.last_event = event.id
        if event.kind != "state" or event.about["action"] == "enqueue":
            return
        action, source, target = Action(event.about["action"]), event.about["from"], State(event.about["state"])
        assert source == self.state
        assert target_of(action, self.state) is target, f"{action} does not lead from {source} to {target}"
        self.state = target
        self.endings += [target] if target in DONE else []
        if action is Action.REST:
            assert not self.live(now_ms), "at rest while somebody works"
            assert target is not State.CANCELLED or not any(known.begun for known in self.ranges)
        if action in (Action.REST, Action.SUCCEED, Action.FAIL, Action.REOPEN, Action.RETRY):
            self.leases.clear()
        if action is Action.RETRY:
            self._take_up_quarantined()
        if action in (Action.RETRY, Action.REOPEN):
            self._verify_anew()

    def _take_up_quarantined(self) -> None:
        for unit in self.quarantined.values():
            self.ranges[unit.range_index].aside[unit.unit_id] = PutAside(
                unit_id=unit.unit_id,
                range_index=unit.range_index,
                since_ms=0,
                tries=0,
                due_ms=0,
                counted=unit.counted,
                begun=unit.begun,
                rows_counted=unit.rows_counted,
            )
        self.quarantined.clear()

    def _verify_anew(self) -> None:
        for known in self.ranges:
            known.checked = 0
            known.stage = "open" if known.stage == "open" or known.aside else "settled"
