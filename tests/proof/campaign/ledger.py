"""What a campaign comes to: what was done to it, what it took, and what was found wrong."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.proof.campaign.plan import Kind
from tests.proof.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """`seed` is that of the round, which makes it again."""

    seed: int
    what: str


@dataclass(slots=True, kw_only=True)
class Ledger:
    """`writes` are acknowledged transactions. `recoveries` are seconds from a fault until every range worked on
    has moved on, and `from_answering` those in which a server was down, from when it answers again. `put_right` are the
    things that docs/operations.md leaves to a supervisor or an operator, and that the campaign did."""

    rounds: int = 0
    faults: Counter[Kind] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    other_ends: Counter[str] = field(default_factory=Counter)
    contended: int = 0
    put_right: Counter[str] = field(default_factory=Counter)
    recoveries: dict[Kind, list[float]] = field(default_factory=dict)
    from_answering: dict[Kind, list[float]] = field(default_factory=dict)
    not_reached: Counter[Kind] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)

    def journalled(self, journal: Journal) -> None:
        acknowledged = journal.acknowledged_by_kind()
        self.writes.update(acknowledged)
        self.other_ends.update({what: n for what, n in journal.ledger().items() if what not in acknowledged})
        del self.other_ends["unknown"]  # the sum of those

    def recovered(self, kind: Kind, seconds: float, from_answering: float | None = None) -> None:
        self.recoveries.setdefault(kind, []).append(seconds)
        if from_answering is not None:
            self.from_answering.setdefault(kind, []).append(from_answering)

    def add(self, other: Ledger) -> None:
        self.rounds += other.rounds
        self.faults += other.faults
        self.writes += other.writes
        self.other_ends += other.other_ends
        self.contended += other.contended
        self.put_right += other.put_right
        self.not_reached += other.not_reached
        self.violations += other.violations
        for kind, seconds in other.recoveries.items():
            self.recoveries.setdefault(kind, []).extend(seconds)
        for kind, seconds in other.from_answering.items():
            self.from_answering.setdefault(kind, []).extend(seconds)

    def document(self) -> dict[str, Any]:
        return {
            "rounds": self.rounds,
            "faults": {kind.value: count for kind, count in sorted(self.faults.items())},
            "not_reached": {kind.value: count for kind, count in sorted(self.not_reached.items())},
            "writes": dict(sorted(self.writes.items())),
            "other_ends": dict(sorted(self.other_ends.items())),
            "units_settled_under_contention": self.contended,
            "put_right": dict(sorted(self.put_right.items())),
            "recoveries": {kind.value: times(seconds) for kind, seconds in sorted(self.recoveries.items())},
            "recoveries_from_answering": {
                k.value: times(seconds) for k, seconds in sorted(self.from_answering.items())
            },
            "violations": [{"seed": violation.seed, "what": violation.what} for violation in self.violations],
        }

    def without_servers(self) -> list[float]:
        """Each recovery once, from when the server answers again where one was down."""
        each = self.recoveries | self.from_answering
        return [seconds for of_kind in each.values() for seconds in of_kind]

    def lines(self) -> Iterator[str]:
        yield f"{'faults':<44}{'injected':>9}{'recovered':>11}{'p50':>9}{'p95':>9}{'max':>9}"
        for kind, count in sorted(self.faults.items()):
            yield f"  {kind:<42}{count:>9}{_times(self.recoveries.get(kind, []))}"
            if kind in self.from_answering:
                yield f"{'    from when it answers again':<44}{'':>9}{_times(self.from_answering[kind])}"
        every = [seconds for each in self.recoveries.values() for seconds in each]
        yield f"  {'all':<42}{self.faults.total():>9}{_times(every)}"
        yield f"{'    without what a server needs itself':<44}{'':>9}{_times(self.without_servers())}"
        yield from _counts("application transactions, acknowledged", self.writes)
        yield from _counts("application transactions that ended otherwise", self.other_ends)
        yield from _counts("put right as docs/operations.md says", self.put_right)
        yield from _counts(
            "planned, but nothing was there to do it to", {str(kind): n for kind, n in self.not_reached.items()}
        )
        yield f"{'units settled under contention':<44}{self.contended:>9}"
        yield f"{'rounds':<44}{self.rounds:>9}"
        yield f"{'violations':<44}{len(self.violations):>9}"
        yield from (f"  round {violation.seed}: {violation.what}" for violation in self.violations)


def times(seconds: Iterable[float]) -> dict[str, float]:
    """`seconds` must not be empty."""
    ordered = sorted(seconds)
    return {
        "count": len(ordered),
        "p50": round(statistics.median(ordered), 2),
        "p95": round(ordered[math.ceil(0.95 * len(ordered)) - 1], 2),
        "max": round(ordered[-1], 2),
    }


def _times(seconds: list[float]) -> str:
    if not seconds:
        return ""
    shown = times(seconds)
    return f"{shown['count']:>11}{shown['p50']:>7.1f} s{shown['p95']:>7.1f} s{shown['max']:>7.1f} s"


def _counts(title: str, counted: dict[str, int]) -> Iterator[str]:
    yield f"{title:<44}{sum(counted.values()):>9}"
    yield from (f"  {name:<42}{count:>9}" for name, count in sorted(counted.items()))
