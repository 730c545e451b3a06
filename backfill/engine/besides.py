"""What a definition may have besides a `Backfill`, each for itself. The engine does without what there is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from backfill.engine.protocols import CheckedPage
from backfill.runs.failures import Failure
from backfill.runs.ranges import Key, Passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One committed transaction on the next units of a range, of one row each, that nobody read before.

    `last_key` None: the range is at its end. `contended` are among the `units`, and were left out.
    """

    units: int
    last_key: Key | None
    written: int
    contended: frozenset[str] = frozenset()


class Besides(Protocol):
    """All of it."""

    computing_seconds: float
    """How long a call may take longer, for what the author's code does outside of the database."""

    most_checked: int
    """How many units fit into a page of a verification, where they are single rows."""

    async def settle_stretch(self, after: Key | None, end: Key, *, units: int) -> Stretch:
        """Settle the next `units` units, which are single rows, in one transaction and without knowing their names;
        safe to do again. Where it fails they are read and settled by name."""
        ...

    async def pass_settled(self, after: Key | None, end: Key, *, units: int) -> Passed | None:
        """The next `units` units, of which a run over settled data then makes no names; None where any of them is not
        settled."""
        ...

    async def check_rest(self, after: Key | None, end: Key, *, units: int) -> CheckedPage | None:
        """All units up to `end`, read faster than the next ones in order. None where they are more than `units`, or any
        of them is wrong."""
        ...

    async def places_of(self, keys: Sequence[Key]) -> Sequence[int]:
        """The keys' ranks as the walk orders them: equal ones alike, from 0 on."""
        ...

    async def wal_written(self) -> int:
        """Bytes of WAL that its server has ever written."""
        ...


# Of the calls, whose fault it is when one fails: a row's, or the definition's.
FAILURES = {
    "settle_stretch": Failure.ROW,
    "pass_settled": Failure.BUG,
    "check_rest": Failure.BUG,
    "places_of": Failure.BUG,
    "wal_written": Failure.BUG,
}


def besides(backfill: object, name: str) -> Besides | None:
    """The definition, if it has that. Not isinstance: from Python 3.12 on that does not see what a guarded one has."""
    return cast("Besides", backfill) if hasattr(backfill, name) else None
