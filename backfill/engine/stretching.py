"""Settling a range without reading it first: for units of one row each, names cost more than the rows themselves.

A stretch is a transaction on the next units, whatever they are. Where one fails, its units are read and settled by
name, so that what is wrong with one of them is found as for any other backfill.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from backfill.runs.ranges import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One committed transaction on the next units of a range, of one row each, that nobody read before.

    `last_key` None: the range is at its end. `contended` are among the `units`, and were left out.
    """

    units: int
    last_key: Key | None
    written: int
    contended: frozenset[str] = frozenset()


@runtime_checkable
class Stretching(Protocol):
    """What a backfill has besides whose units are single rows, and which can settle them without knowing their names: a
    range is then settled a stretch at a time, and only where one fails are its units read and settled by name."""

    async def settle_stretch(self, after: Key | None, end: Key, *, units: int) -> Stretch:
        """Settle the next `units` units in one transaction; safe to do again."""
        ...
