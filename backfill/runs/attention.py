"""What is wrong with a run that its state does not say: nobody is there to work on it, or nothing moves any more.

It is computed from facts whenever a run is read, and kept nowhere: no process has to be alive to notice that none is.
The sentences hold no spans of time, so that a run of which nothing changes reads the same again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from backfill.runs.states import AT_REST
from backfill.runs.times import clock_time, timestamp
from backfill.runs.wording import counted, ended

if TYPE_CHECKING:
    from backfill.runs.record import Run

START = "Start one."
WORKERS_NAMED = 3
BY_ITS_PACE = "rows_per_second"


class Kind(StrEnum):
    NO_WORKER = "no_worker"
    OTHER_VERSION = "other_version"
    STALLED = "stalled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Who is there for a run, and when anything of it last moved: its state, a cursor, a count.

    `workers` are those alive that serve its backfill in its version, `of_other_versions` those that serve it in
    another one, with which; `refused` is why one that is alive does not, `leases` the live ones on its tasks.
    `rests_until_ms` is when its own limit of rows per second lets it write again. A run of which nothing moves for
    `patience_ms` has stalled.
    """

    moved_ms: int
    workers: int
    refused: str
    leases: int
    rests_until_ms: int
    patience_ms: int
    of_other_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """`since_ms` is when something last moved, `remedy` what to do or where to look."""

    kind: Kind
    since_ms: int
    what: str
    remedy: str

    @property
    def sentence(self) -> str:
        return f"{self.what}; nothing has moved since {clock_time(self.since_ms)}. {self.remedy}"

    def document(self) -> dict[str, str | None]:
        return {"kind": self.kind.value, "since": timestamp(self.since_ms), "sentence": self.sentence}


def attention_of(run: Run) -> Attention | None:
    """None while the run is at rest, and while it goes on as it should."""
    movement = run.movement
    if run.state in AT_REST:
        return None
    if movement.workers == 0 and movement.leases == 0:
        if movement.of_other_versions:
            return _wrong_version(run)
        what = f"No worker that serves {run.backfill} is alive"
        remedy = f"One that is alive does not: {ended(movement.refused)}" if movement.refused else START
        return Attention(kind=Kind.NO_WORKER, since_ms=movement.moved_ms, what=what, remedy=remedy)
    phase = run.schedule.phase(run.seen_ms)
    if run.waits:
        return None
    moved_ms = max(movement.moved_ms, movement.rests_until_ms, phase.opens_ms if phase else 0)
    if run.seen_ms - moved_ms <= movement.patience_ms + 2 * run.pace.pause_ms:
        return None
    what, remedy = "Workers are alive, but the run has stalled", ended(_why_stalled(run))
    return Attention(kind=Kind.STALLED, since_ms=movement.moved_ms, what=what, remedy=remedy)


def _wrong_version(run: Run) -> Attention:
    others, version = run.movement.of_other_versions, run.terms.version
    more = len(others) - WORKERS_NAMED
    named = ", ".join(others[:WORKERS_NAMED]) + (f" and {more} more" if more > 0 else "")
    is_or_are = "worker that is alive is" if len(others) == 1 else "workers that are alive are"
    return Attention(
        kind=Kind.OTHER_VERSION,
        since_ms=run.movement.moved_ms,
        what=f"Run {run.id} is of version {version} of {run.backfill}, and the {is_or_are} not: {named}",
        remedy=f"Start a worker of version {version}, or cancel the run and start anew.",
    )


def _why_stalled(run: Run) -> str:
    if run.throttled_by not in (None, BY_ITS_PACE):
        return f"Held up by: {run.throttled_by}"
    if run.contended:
        verb = "is" if len(run.contended) == 1 else "are"
        return f"{counted(len(run.contended), 'unit')} {verb} locked by other sessions"
    return "Look at the workers' logs, and at backfill doctor"
