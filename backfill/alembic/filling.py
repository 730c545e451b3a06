"""Puts values where a column has none, in a table that is in use: a few blocks per transaction, in physical order.

Rows are not looked for by their missing value: without an index every such look would read all the rows that are
filled already. The walk goes over the blocks once, and again until it finds nothing: a row that is locked is passed
over, and one that the application updates meanwhile may move to where the walk has been. It rests as long as it works.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection, text

from backfill.runs.errors import SchemaNotReady, WaitTimedOut
from backfill.runs.wording import counted
from backfill.sql.catalog import Catalog

TARGET_SECONDS = 0.03
FEWEST_BLOCKS = 8
MOST_BLOCKS = 16_384
REST_SECONDS = 0.2
"""Before the next walk, where the last one met rows that others had locked."""
MOST_IN_VAIN = 3
"""Walks in a row that fill all that they find, and then find it again."""
_LAST_BLOCK = 4_294_967_295


class Filling:
    """`statement` takes `:first` and `:after`, two physical places, and answers with `found` and `filled` rows.

    `relation` is the table, with its schema, as PostgreSQL reads it."""

    def __init__(
        self, connection: Connection, relation: str, statement: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._connection = connection
        self._relation = relation
        self._statement = text(statement)
        self._sleep = sleep
        self._blocks = FEWEST_BLOCKS * 16
        self._in_vain = 0

    def run(self, patience_seconds: float, *, alone: bool = False) -> int:
        """How many rows were filled. Raises WaitTimedOut where rows stay locked by others for longer than that.

        `alone`: nobody else makes rows without a value, so that those that are found again and again are a mistake.
        """
        moved_on = time.monotonic()
        in_all = 0
        while True:
            found, filled = self._walk()
            in_all += filled
            if not found:
                return in_all
            if alone:
                self._require_that_it_lasts(found, filled)
            if filled:
                moved_on = time.monotonic()
            elif time.monotonic() - moved_on > patience_seconds:
                rows = f"{counted(found, 'row')} of {self._relation.removeprefix('public.')}"
                raise WaitTimedOut(
                    f"{rows} without a value stayed locked for {patience_seconds:.0f} s.",
                    "End the sessions that hold them (pg_stat_activity: idle in transaction), then run again.",
                )
            else:
                self._sleep(REST_SECONDS)

    def _require_that_it_lasts(self, found: int, filled: int) -> None:
        """Rows that were all filled and are found again, walk after walk, do not keep what they are given."""
        self._in_vain = self._in_vain + 1 if filled == found else 0
        if self._in_vain > MOST_IN_VAIN:
            raise SchemaNotReady(
                f"{counted(found, 'row')} of {self._relation.removeprefix('public.')} do not keep their new value.",
                "See what the default gives (NULL?), and what other triggers of the table do to the column.",
            )

    def _walk(self) -> tuple[int, int]:
        found = filled = first = 0
        end = Catalog(self._connection).count_blocks(self._relation)
        while first < end:
            began = time.monotonic()
            after = first + self._blocks
            row = self._connection.execute(
                self._statement, {"first": f"({first},0)", "after": f"({min(after, _LAST_BLOCK)},0)"}
            ).one()
            found, filled, first = found + row.found, filled + row.filled, after
            took = time.monotonic() - began
            self._adapt(took)
            if row.filled:
                self._sleep(took)
        return found, filled

    def _adapt(self, took: float) -> None:
        factor = 2.0 if took < TARGET_SECONDS / 2 else 0.5 if took > TARGET_SECONDS * 2 else 1.0
        self._blocks = round(min(max(self._blocks * factor, FEWEST_BLOCKS), MOST_BLOCKS))


def whole_table(statement: str) -> str:
    """The same in one go, to be read or run by hand."""
    return statement.replace(":first", "'(0,0)'").replace(":after", f"'({_LAST_BLOCK},0)'")
