"""What came of the demo: one value with all facts, its JSON, and whether it is what was promised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from backfill.cli.verdict import Outcome, Status
from backfill.engine.protocols import Event
from backfill.runs.record import Run, run_document
from backfill.runs.states import State
from backfill.runs.wording import counted
from worker.demo.file_application import Account
from worker.demo.old_application import PhaseSummary
from worker.demo.old_files import OldFiles
from worker.demo.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """`rows_done` and `fraction` are where the killed worker left the run; `seconds` from the kill until it moved."""

    rows_done: int
    fraction: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfilled:
    """The run at its end, and the seconds that its two parts took; None for a part that was not reached."""

    run: Run
    settling_seconds: float | None
    verifying_seconds: float | None
    takeover: Takeover | None

    @property
    def rows_per_second(self) -> float | None:
        return self.run.counts.rows_written / self.settling_seconds if self.settling_seconds else None


def backfilled(run: Run, events: Sequence[Event], takeover: Takeover | None) -> Backfilled:
    """A run that was reopened counts as settling until it was verified for the last time."""
    verifying_ms = [event.at_ms for event in events if event.about.get("state") == State.VERIFYING]
    settling_ms = verifying_ms[-1] - run.started_ms if verifying_ms and run.started_ms else None
    checking_ms = run.finished_ms - verifying_ms[-1] if verifying_ms and run.finished_ms else None
    return Backfilled(
        run=run,
        settling_seconds=None if settling_ms is None else settling_ms / 1000,
        verifying_seconds=None if checking_ms is None else checking_ms / 1000,
        takeover=takeover,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Of the data as it was when nobody wrote any more."""

    units: int
    outcomes: tuple[Outcome, ...]

    @property
    def unproven(self) -> tuple[Outcome, ...]:
        """Rules that are broken or could not be looked at."""
        return tuple(outcome for outcome in self.outcomes if outcome.status in (Status.ERROR, Status.UNCHECKED))


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesBrought:
    """The runs of the last act, what the application with files says of it, and what one project looks like then."""

    old: OldFiles
    sizes: Run
    files: Backfilled
    account: Account
    tree: tuple[str, ...]

    def shortcomings(self) -> Iterator[str]:
        for run in (self.sizes, self.files.run):
            if run.state is not State.SUCCEEDED:
                yield f"{run.backfill} ended {run.state}" + (f" ({run.error})" if run.error else "")
        account = self.account
        if account.failed_count or account.wrong_count:
            wrong = f"{account.wrong_count} had wrong bytes"
            yield f"{counted(account.failed_count, 'read')} of files failed and {wrong}"
        if account.error_count:
            yield f"the application with files saw {counted(account.error_count, 'error')}"

    def document(self) -> dict[str, Any]:
        return {
            "old": {"files": self.old.files, "generations": dict(self.old.generations)},
            "runs": [run_document(self.sizes), run_document(self.files.run)],
            "settling_seconds": self.files.settling_seconds,
            "kill": None if self.files.takeover is None else asdict(self.files.takeover),
            "application": self.account.document(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`phases` is empty where there was no traffic, `files` is None without the act about them."""

    stage: Stage
    backfilled: Backfilled
    phases: tuple[PhaseSummary, ...]
    verification: Verification
    files: FilesBrought | None
    seconds: float

    @property
    def application_errors(self) -> int:
        return sum(phase.errors for phase in self.phases)

    @property
    def shortcomings(self) -> tuple[str, ...]:
        """What was promised and is not so; empty when all is well."""
        return tuple(self._shortcomings())

    def _shortcomings(self) -> Iterator[str]:
        run = self.backfilled.run
        if run.state is not State.SUCCEEDED:
            yield f"the run ended {run.state}" + (f" ({run.error})" if run.error else "")
        if unproven := self.verification.unproven:
            yield f"the verification says no to {', '.join(outcome.rule for outcome in unproven)}"
        if self.application_errors:
            yield f"the application saw {counted(self.application_errors, 'error')}"
        if missed := sum(phase.missed for phase in self.phases):
            yield f"the application gave up {counted(missed, 'transaction')} that had to wait too long"
        if any(phase.transactions == 0 for phase in self.phases):
            yield "the application got nothing done in one of the phases"
        if self.files is not None:
            yield from self.files.shortcomings()

    def document(self) -> dict[str, Any]:
        done = self.backfilled
        return {
            "ok": not self.shortcomings,
            "shortcomings": list(self.shortcomings),
            "seconds": round(self.seconds, 1),
            "place": self.stage.place,
            "run": run_document(done.run),
            "rows_written": done.run.counts.rows_written,
            "settling_seconds": done.settling_seconds,
            "verifying_seconds": done.verifying_seconds,
            "rows_per_second": None if done.rows_per_second is None else round(done.rows_per_second, 1),
            "kill": None if done.takeover is None else asdict(done.takeover),
            "application": [phase.to_json() for phase in self.phases],
            "verification": {
                "ok": not self.verification.unproven,
                "units_checked": self.verification.units,
                "rules": [outcome.document() for outcome in self.verification.outcomes],
            },
            "files": None if self.files is None else self.files.document(),
        }
