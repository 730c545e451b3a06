"""A batch that is rolled back, and what it told: the same for every kind of definition."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row

from backfill.engine.protocols import Settled
from backfill.runs.forecast import PAGE_BYTES
from backfill.runs.rehearsed import Rehearsed, Wal
from backfill.sql.rehearsal import Rehearsal, Weight, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """`rows` were updated, which the answer of a statement that was run twice does not say."""

    rehearsed: Rehearsed
    rows: int


async def try_batch(there: Rehearsal, settle: Work[Settled], lock: Work[Any]) -> Tried:
    """`lock` takes one of the locks of `settle` again, for what a commit takes. Raises BatchFailed like the batch."""
    settled, measured = await there.try_out(settle)
    trip_ms, commit_ms = await there.try_commit(lock)
    rehearsed = Rehearsed(
        written=settled.written,
        ms=measured.ms,
        commit_ms=commit_ms,
        trip_ms=trip_ms,
        updates=measured.updates,
        hot_updates=measured.hot_updates,
        contended=len(settled.contended),
        refused=settled.refused,
        left=settled.left,
    )
    return Tried(rehearsed=rehearsed, rows=measured.rows)


def weighed(first: tuple[Tried, Weight], again: tuple[Tried, Weight], found: Row[Any]) -> Rehearsed:
    """Of the same batch tried twice: the second time hardly any page has to be logged whole any more.

    `found` are the rows of the batch and the pages that they are on, before it was tried.
    """
    (tried, weight), (tried_again, weight_again) = first, again
    one, other = tried.rehearsed, tried_again.rehearsed
    wal = Wal(
        rows=tried.rows,
        bytes=weight.bytes,
        images=weight.images,
        again_bytes=min(max(weight_again.bytes - weight_again.images * PAGE_BYTES, 0), weight.bytes),
        pages=round(found.pages * tried.rows / max(found.rows, 1)),
    )
    updates, hot_updates = one.updates + other.updates, one.hot_updates + other.hot_updates
    return replace(one, written=tried.rows, updates=updates, hot_updates=hot_updates, contended=0, wal=wal)
