"""What the engine asks of a backfill, of the store and of the queue.

The author of a backfill answers which units there are (plan, pages), and how to settle some of them in one transaction.
Everything else (ranges, cursors, leases, retries, bisection) is the engine's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from backfill.runs.coverage import Passage, Proof
from backfill.runs.failures import BatchFailed
from backfill.runs.findings import Finding, Rule
from backfill.runs.pace import BatchSize, Pace
from backfill.runs.ranges import Key, Part, Plan, PutAside, Quarantined, Span, Unit
from backfill.runs.record import Run
from backfill.runs.schedule import Schedule
from backfill.runs.states import Action, State
from backfill.runs.terms import Terms
from backfill.runs.verdict import Verdict
from backfill.runs.window import FOREVER_MS
from backfill.runs.workers import LiveWorker

if TYPE_CHECKING:  # only a preview knows them, and every command loads this
    from backfill.runs.preview import StatementPlan, Survey
    from backfill.runs.rehearsed import Rehearsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was committed: rows written, and the ids of units that live traffic held locked, or changed meanwhile.

    `refused` are units that failed by themselves, and are not to be tried again with others; `left` are the last of the
    units, those that there was no time to begin. `locked_ms` is how long rows were locked at a time, where that is not
    as long as the whole call took.
    """

    written: int
    contended: frozenset[str] = frozenset()
    refused: Mapping[str, BatchFailed] = field(default_factory=dict)
    left: frozenset[str] = frozenset()
    locked_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSettled:
    """One committed transaction on a unit larger than a batch. `mark` None with `finished` false: look again."""

    written: int
    mark: str | None
    finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPage:
    """One statement's view of some units: how many, the last key (None: the range is at its end), findings.
    `mendable` are ids of units that the backfill itself can mend by settling them again."""

    units: int
    last_key: Key | None
    findings: tuple[Finding, ...]
    mendable: tuple[str, ...] = ()


class Backfill(Protocol):
    """A backfill definition. Methods raise `BatchFailed` for anything the database refused."""

    @property
    def name(self) -> str: ...

    @property
    def rules(self) -> Sequence[Rule]: ...

    async def check_schema(self) -> tuple[Finding, ...]:
        """What is missing, disabled or of another shape; empty when everything the backfill relies on is there."""
        ...

    async def check_privileges(self, *, writes: bool) -> tuple[Finding, ...]:
        """Rights that this process (`writes`: also to settle) or live writes lack; the remedy is what to grant."""
        ...

    async def plan(self, ranges: int) -> Plan:
        """Cut the key space into at most `ranges` spans and say how much there is."""
        ...

    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        """The next units in key order, at most `units`; rows are counted up to `row_cap`. Empty at the end."""
        ...

    async def read_units(self, unit_ids: Collection[str], *, row_cap: int) -> tuple[Unit, ...]:
        """Those of the named units that still exist, in key order."""
        ...

    async def count_rows(self, unit_id: str) -> int:
        """All rows of one unit, however many."""
        ...

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        """Settle whole units in one transaction, writing only rows that need it; safe to do again. At least one of
        them is begun. They come in key order, or are named."""
        ...

    async def settle_part(self, unit_id: str, mark: str | None, *, rows: int) -> PartSettled:
        """Settle the next `rows` rows of one unit in one transaction; safe to do again with an older mark."""
        ...

    async def check_page(self, after: Key | None, end: Key | None, *, units: int) -> CheckedPage:
        """Verify the next units against the rules, in one statement."""
        ...


class Previewable(Backfill, Protocol):
    """What a preview asks besides. Nothing of it is kept; rehearsals lock and wait no more than a run does."""

    async def survey(self) -> Survey:
        """How large everything is, what is left to do, and what of the server matters to a run."""

    async def explain(self, units: Sequence[Unit], *, writes: bool) -> tuple[StatementPlan, ...]:
        """The plan of each statement of a run for units like these, not executed; `writes`: also those that write."""

    async def rehearse(self, unit_ids: Sequence[str], *, weigh: bool) -> Rehearsed:
        """`settle`, rolled back; `weigh`: with its WAL, which costs time and makes the times useless."""

    async def rehearse_part(self, unit_id: str, mark: str | None, *, rows: int) -> Rehearsed:
        """`settle_part`, rolled back."""


class Task(StrEnum):
    """What a claim hands out."""

    PLAN = "plan"
    SETTLE = "settle"
    CHECK = "check"
    FINISH = "finish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the cursor of one range has passed, and rows written and units checked in it."""

    units: int = 0
    rows: int = 0
    written: int = 0
    checked: int = 0

    def plus(self, advance: Advance) -> Totals:
        return Totals(
            units=self.units + advance.units,
            rows=self.rows + advance.rows,
            written=self.written + advance.written,
            checked=self.checked + advance.checked,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A lease on one task of a run, since `at_ms` of the store's clock; from then on the run is within its window for
    `open_ms`. What follows is the range's, where the task is on one; `winding_up`: the run is being cancelled, and only
    units that are begun are to be finished."""

    run_id: str
    backfill: str
    task: Task
    token: str
    pace: Pace
    at_ms: int = 0
    range_index: int = -1
    span: Span | None = None
    cursor: Key | None = None
    part: Part | None = None
    sequence: int = 0
    totals: Totals = field(default_factory=Totals)
    batch_size: BatchSize = field(default_factory=BatchSize)
    put_aside: tuple[PutAside, ...] = ()
    winding_up: bool = False
    open_ms: int = FOREVER_MS
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What one checkpoint moves, in one atomic step. `batches_ms` are how long transactions took that wrote rows."""

    cursor: Key | None = None
    part: Part | None = None
    units: int = 0
    rows: int = 0
    written: int = 0
    checked: int = 0
    put_aside: tuple[PutAside, ...] = ()
    taken_back: frozenset[str] = frozenset()
    quarantined: tuple[Quarantined, ...] = ()
    findings: tuple[Finding, ...] = ()
    stage_done: bool = False
    due_ms: int = 0
    batch_size: BatchSize | None = None
    batches_ms: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """`is_new` false: the backfill's active run, or (`is_repeated`) the run that the same request made before."""

    run_id: str
    is_new: bool
    is_repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionTaken:
    """Whether the arrow was there, the state now, and another active run that stands in the way of a retry."""

    taken: bool
    state: State
    blocked_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`id` orders events of a run; `about` holds what belongs to the kind."""

    id: str
    at_ms: int
    kind: str
    about: Mapping[str, str] = field(default_factory=dict)


class Store(Protocol):
    async def create(  # noqa: PLR0913 - the parts of a request
        self,
        backfill: str,
        pace: Pace,
        *,
        requested_by: str,
        idempotency_key: str | None,
        note: str = "",
        terms: Terms | None = None,
        needs_approval: bool = False,
        schedule: Schedule | None = None,
    ) -> Created: ...

    async def get(self, run_id: str) -> Run | None: ...

    async def recent_ids(self, limit: int, *, after: str | None = None) -> tuple[str, ...] | None:
        """Newest first, and older than the run `after`; None when there is no such run."""

    async def active_ids(self, backfills: Sequence[str]) -> Mapping[str, str]:
        """The active run of each of them that has one."""
        ...

    async def address_of(self, run_id: str) -> str | None: ...

    async def act(self, run_id: str, action: Action, *, who: str, note: str = "") -> ActionTaken: ...

    async def note(self, run_id: str, action: str, *, who: str, note: str) -> None: ...

    async def set_pace(self, run_id: str, pace: Pace, *, who: str, note: str = "") -> bool: ...

    async def set_schedule(self, run_id: str, schedule: Schedule, *, who: str, note: str = "") -> bool: ...

    async def workers(self) -> tuple[LiveWorker, ...]:
        """Those that have said lately that they are alive, with what they hold."""
        ...

    async def claim(self, run_id: str, *, token: str) -> Claim | None: ...

    async def renew(self, claim: Claim) -> tuple[bool, State]: ...

    async def save_plan(self, claim: Claim, plan: Plan) -> bool: ...

    async def checkpoint(self, claim: Claim, sequence: int, advance: Advance, totals: Totals) -> Verdict: ...

    async def strike(self, claim: Claim, reason: str, *, pause_after: int) -> int: ...

    async def release(self, claim: Claim, *, due_in_ms: int = 0, whole_run: bool = False) -> None: ...

    async def findings(self, claim: Claim) -> tuple[Finding, ...]: ...

    async def reopened(self, claim: Claim) -> int: ...

    async def finish(
        self, claim: Claim, action: Action, findings: Sequence[Finding], error: str | None, proof: Proof | None = None
    ) -> bool: ...

    async def passage(self, run_id: str) -> Passage: ...

    async def vacancies(self, run_id: str) -> int: ...

    async def events(self, run_id: str, *, after: str = "0", limit: int = 1000) -> tuple[Event, ...]: ...


class Doorbell(Protocol):
    """Asks any worker to take up a slice; losing a ring loses nothing."""

    async def ring(self, address: str, run_id: str, times: int) -> None: ...
