"""What a dry run found: how much a run would write, what would be refused and why, how long it would take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from backfill.runs.findings import Finding
from backfill.runs.pace import Pace
from backfill.runs.parameters import load_parameters
from backfill.runs.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedGroup:
    """Units that fail in the same way; `units` are some of them."""

    error: str
    sqlstate: str | None
    constraint: str | None
    count: int
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What was gone through. `busy_ms` is what transactions of `timed_rows` rows took in all, with their commits;
    `wal_bytes` is of `wal_rows` rows. `contended` units were locked by others, `too_slow` ones are for small parts."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """`complete`: all units were gone through. Else what is said of a run is scaled up from those that were."""

    backfill: str
    pace: Pace
    units_total: int
    complete: bool
    seconds: float
    tried: Tried
    refused: tuple[RefusedGroup, ...]
    units_checked: int
    findings: tuple[Finding, ...]
    terms: Terms = field(default_factory=Terms)

    @property
    def units_refused(self) -> int:
        return sum(group.count for group in self.refused)

    @property
    def factor(self) -> float:
        """How much more a run has to do than was gone through."""
        if self.complete or not self.tried.units:
            return 1.0
        return max(self.units_total / self.tried.units, 1.0)

    @property
    def rows_expected(self) -> int:
        return round(self.tried.rows * self.factor)

    @property
    def refused_expected(self) -> int:
        return round(self.units_refused * self.factor)

    @property
    def seconds_expected(self) -> float | None:
        """Of settling at this pace, without the verification; None where no batch says how long one takes."""
        if not self.tried.timed_rows:
            return None
        row_ms = self.tried.busy_ms / self.tried.timed_rows
        batches = self.tried.batches * self.factor
        lanes_ms = (row_ms * self.rows_expected + batches * self.pace.pause_ms) / self.pace.parallel
        limit = self.pace.rows_per_second
        return max(lanes_ms / 1000, self.rows_expected / limit if limit else 0.0)

    @property
    def wal_expected(self) -> int | None:
        if not self.tried.wal_rows:
            return None
        return round(self.tried.wal_bytes / self.tried.wal_rows * self.rows_expected)

    def document(self) -> dict[str, Any]:
        seconds = self.seconds_expected
        return {
            "backfill": self.backfill,
            "version": self.terms.version,
            "parameters": load_parameters(self.terms.parameters),
            "pace": self.pace.document(),
            "complete": self.complete,
            "units_total": self.units_total,
            "units_tried": self.tried.units,
            "units_with_work": self.tried.units_with_work,
            "rows_written": self.tried.rows,
            "batches": self.tried.batches,
            "seconds": round(self.seconds, 3),
            "contended": self.tried.contended,
            "too_slow": self.tried.too_slow,
            "refused": [_group(group) for group in self.refused],
            "expected": {
                "rows_written": self.rows_expected,
                "units_refused": self.refused_expected,
                "seconds": None if seconds is None else round(seconds, 3),
                "wal_bytes": self.wal_expected,
            },
            "verification": _verification(self.units_checked, self.findings),
        }


def _group(group: RefusedGroup) -> dict[str, Any]:
    return {
        "error": group.error,
        "sqlstate": group.sqlstate,
        "constraint": group.constraint,
        "count": group.count,
        "units": list(group.units),
    }


def _verification(units: int, findings: Sequence[Finding]) -> dict[str, Any]:
    return {"units_checked": units, "findings": [finding.document() for finding in findings]}
