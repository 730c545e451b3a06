"""The key space of a backfill: units in key order, the ranges they are cut into, and the plan of a run.

A key is opaque here: the backfill made it and the database compares it. Nothing in the engine
may order two keys, because text compares differently in a database's collation and in Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

Key = tuple[str, ...]

RANGES_LEAST = 16
RANGES_PER_PARALLEL = 4


class RangeState(StrEnum):
    """Where a range stands, for whoever watches; `working` while a live lease is on it."""

    OPEN = "open"
    WORKING = "working"
    SETTLED = "settled"
    VERIFIED = "verified"


class Unit(NamedTuple):  # and no dataclass: a run over settled data makes nothing but these, in a third of the time
    """What is settled whole: `rows` it has, `todo` of them without a value, both counted only up to a cap.

    `capped` says that there are more rows than were counted; such a unit is settled in parts. For a unit that is
    settled, `rows` is how many numbers it gave, which may be more than it still has.
    """

    id: str
    key: Key
    rows: int
    todo: int
    settled: bool
    capped: bool = False

    @property
    def needs_work(self) -> bool:
        return self.todo > 0 or not self.settled

    @property
    def weight(self) -> int:
        """Rows that a batch locks and writes for it: those to do, or at least its own."""
        return max(self.todo, int(self.needs_work))

    def is_large(self, batch_rows: int) -> bool:
        return self.needs_work and (self.capped or self.todo > batch_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """Units next to each other that are settled, told together: how many, the rows of all of them, and the last key;
    None, where there are none any more."""

    units: int
    rows: int
    last_key: Key | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Keys above `start` (None: from the beginning) up to and including `end`."""

    start: Key | None
    end: Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`wal_bytes` is how many the server had ever written by then, where that is known."""

    spans: tuple[Span, ...]
    units_total: int
    rows_total: int
    total_is_estimate: bool
    wal_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PutAside:
    """A contended unit: since when (epoch ms), how often it was tried, when it is due again (epoch ms).

    `counted`: the counts include it already, because verification sent it back. `begun`: part of it is written, so a
    cancelled run finishes it first, and `rows_counted` of its rows are in the counts. `in_parts`: it took too long to
    be settled whole.
    """

    unit_id: str
    range_index: int
    since_ms: int
    tries: int
    due_ms: int
    counted: bool = False
    begun: bool = False
    rows_counted: int = 0
    in_parts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A unit that keeps failing. Never holds row values: `error` is the server's primary message, or the
    class and the place of an exception of the definition.

    The last three are as in PutAside, for when it is taken up again.
    """

    unit_id: str
    range_index: int
    sqlstate: str | None
    constraint: str | None
    error: str
    at_ms: int
    counted: bool = False
    begun: bool = False
    rows_counted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A unit that is larger than a batch and has been begun; `mark` is the backfill's own note of how far, opaque.

    `rows_counted` of its rows are in the counts already, so that a giant does not look like a standstill.
    """

    unit_id: str
    mark: str | None
    rows_counted: int = 0


def ranges_wanted(parallel: int) -> int:
    """More than are worked on at once, so that the last of them are not long alone."""
    return max(RANGES_LEAST, RANGES_PER_PARALLEL * parallel)
