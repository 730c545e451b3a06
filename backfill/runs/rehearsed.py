"""What a transaction of a preview told before it was rolled back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backfill.runs.failures import BatchFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Wal:
    """What the statements of one transaction put into the write-ahead log.

    `images` are whole pages among it, logged because they changed for the first time since a checkpoint; the same
    once more, `again_bytes`, is the rest. `pages` are those that the rows were on.
    """

    rows: int
    bytes: int
    images: int
    again_bytes: int
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """One transaction that was rolled back: the rows it had written, how long it took, what a commit takes, and what
    a small statement takes there and back.

    `updates` are the row versions that it leaves for vacuum, `hot_updates` those that found room in their page.
    `refused`, `left` and `mark` are as in Settled and PartSettled.
    """

    written: int
    ms: float
    commit_ms: float
    trip_ms: float
    updates: int
    hot_updates: int
    contended: int = 0
    wal: Wal | None = None
    refused: Mapping[str, BatchFailed] = field(default_factory=dict)
    left: frozenset[str] = frozenset()
    mark: str | None = None
