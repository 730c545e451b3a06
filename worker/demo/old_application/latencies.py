"""How long the application's transactions took, by phase and by kind.

Latencies go into a histogram whose buckets grow by two per cent: however long the traffic runs, it takes the same
memory, and every percentile is right to two per cent.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

_SMALLEST_SECONDS = 1e-5
_GROWTH = 1.02
_BUCKETS = 1 + math.ceil(math.log(3600 / _SMALLEST_SECONDS, _GROWTH))


class Histogram:
    """Latencies between 10 microseconds and an hour; what lies outside goes into the outermost bucket."""

    __slots__ = ("_buckets", "count", "longest_seconds")

    def __init__(self) -> None:
        self._buckets = array("Q", bytes(8 * _BUCKETS))
        self.count = 0
        self.longest_seconds = 0.0

    def add(self, seconds: float) -> None:
        exponent = math.log(max(seconds, _SMALLEST_SECONDS) / _SMALLEST_SECONDS, _GROWTH)
        self._buckets[min(_BUCKETS - 1, math.ceil(exponent))] += 1
        self.count += 1
        self.longest_seconds = max(self.longest_seconds, seconds)

    def percentile_ms(self, share: float) -> float | None:
        """The latency that `share` (0 to 1) of all stayed within, or None of nothing."""
        if not self.count:
            return None
        wanted, seen = max(1, math.ceil(share * self.count)), 0
        for bucket, number in enumerate(self._buckets):
            seen += number
            if seen >= wanted:
                return _ms(min(self.longest_seconds, _SMALLEST_SECONDS * _GROWTH**bucket))
        raise AssertionError("the buckets hold fewer than were counted")

    @property
    def longest_ms(self) -> float | None:
        return _ms(self.longest_seconds) if self.count else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A way in which transactions failed; `message` is that of the first, without row values."""

    kind: str
    sqlstate: str
    message: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSummary:
    """One kind of transaction. `transactions` were committed; latencies are of the failed ones too."""

    transactions: int
    errors: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSummary:
    """What the application saw in one phase. `missed` were due, but everything before them took too long."""

    phase: str
    seconds: float
    transactions: int
    errors: int
    missed: int
    transactions_per_second: float
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    failures: tuple[Failure, ...]
    kinds: dict[str, KindSummary]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"failures": [asdict(failure) for failure in self.failures]}

    @classmethod
    def from_json(cls, summary: dict[str, Any]) -> PhaseSummary:
        """The summary that another process printed."""
        failures = tuple(Failure(**failure) for failure in summary["failures"])
        kinds = {kind: KindSummary(**numbers) for kind, numbers in summary["kinds"].items()}
        return cls(**(summary | {"failures": failures, "kinds": kinds}))


@dataclass(slots=True)
class Tally:
    """Latencies and errors of one kind of transaction."""

    latencies: Histogram = field(default_factory=Histogram)
    errors: int = 0

    def summary(self) -> KindSummary:
        return KindSummary(
            transactions=self.latencies.count - self.errors,
            errors=self.errors,
            p50_ms=self.latencies.percentile_ms(0.50),
            p99_ms=self.latencies.percentile_ms(0.99),
            max_ms=self.latencies.longest_ms,
        )


class Phase:
    """What is counted under one name. It can be left and entered again; only time inside counts."""

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self.name = name
        self.missed = 0
        self._clock = clock
        self._entered_at: float | None = None
        self._seconds = 0.0
        self._all = Tally()
        self._kinds: dict[str, Tally] = {}
        self._failures: dict[tuple[str, str], Failure] = {}

    def enter(self) -> None:
        self._entered_at = self._clock()

    def leave(self) -> None:
        self._seconds = self._elapsed_seconds()
        self._entered_at = None

    def succeeded(self, kind: str, seconds: float) -> None:
        for tally in (self._all, self._kinds.setdefault(kind, Tally())):
            tally.latencies.add(seconds)

    def failed(self, kind: str, seconds: float, error: BaseException) -> None:
        for tally in (self._all, self._kinds.setdefault(kind, Tally())):
            tally.latencies.add(seconds)
            tally.errors += 1
        sqlstate = _sqlstate(error)
        known = self._failures.get((kind, sqlstate))
        self._failures[kind, sqlstate] = Failure(
            kind=kind,
            sqlstate=sqlstate,
            message=known.message if known else _first_line(error),
            count=known.count + 1 if known else 1,
        )

    def summary(self) -> PhaseSummary:
        seconds = self._elapsed_seconds()
        total = self._all.summary()
        return PhaseSummary(
            phase=self.name,
            seconds=round(seconds, 3),
            transactions=total.transactions,
            errors=total.errors,
            missed=self.missed,
            transactions_per_second=round(total.transactions / seconds, 1) if seconds else 0.0,
            p50_ms=total.p50_ms,
            p99_ms=total.p99_ms,
            max_ms=total.max_ms,
            failures=tuple(self._failures.values()),
            kinds={kind: self._kinds[kind].summary() for kind in sorted(self._kinds)},
        )

    def _elapsed_seconds(self) -> float:
        return self._seconds + (self._clock() - self._entered_at if self._entered_at is not None else 0.0)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _sqlstate(error: BaseException) -> str:
    """The SQLSTATE, or where there is none (a lost connection) the error's type."""
    for source in (error, getattr(error, "orig", None)):
        if isinstance(sqlstate := getattr(source, "sqlstate", None), str):
            return sqlstate
    return type(error).__name__


def _first_line(error: BaseException) -> str:
    lines = str(getattr(error, "orig", None) or error).splitlines()
    return lines[0] if lines else type(error).__name__
