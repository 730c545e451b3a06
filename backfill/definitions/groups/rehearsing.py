"""A batch as a run does it, by the same statements under the same limits, and rolled back; with what it took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.definitions.rehearsing import Tried, try_batch, weighed
from backfill.engine.protocols import Settled
from backfill.runs.rehearsed import Rehearsed
from backfill.sql.rehearsal import Scales, Work
from backfill.sql.transactions import rolled_back

if TYPE_CHECKING:
    from backfill.definitions.groups.bound import GroupsBackfill, Run


async def rehearse(backfill: GroupsBackfill, unit_ids: Sequence[str]) -> Rehearsed:
    """One batch of whole units. Raises BatchFailed like the batch."""
    return (await _try(backfill, unit_ids, backfill.queries.run)).rehearsed


async def weigh(backfill: GroupsBackfill, unit_ids: Sequence[str]) -> Rehearsed:
    """The same twice, for its WAL: the second time hardly any page has to be logged whole any more."""
    async with rolled_back(backfill.engine, backfill.limits) as connection:
        found = (await backfill.queries.run(connection, "count_pages", {"ids": list(unit_ids)})).one()
    first, again = Scales(folder=backfill.queries), Scales(folder=backfill.queries)
    tried = await _try(backfill, unit_ids, first.run)
    tried_again = await _try(backfill, unit_ids, again.run)
    return weighed((tried, first), (tried_again, again), found)


async def _try(backfill: GroupsBackfill, unit_ids: Sequence[str], run: Run) -> Tried:
    async def settle(connection: AsyncConnection) -> Settled:
        return await backfill.settle_in(connection, unit_ids, run)

    return await try_batch(backfill.rehearsal, settle, _lock_of(backfill, unit_ids[0]))


async def commit(backfill: GroupsBackfill, unit_id: str) -> tuple[float, float]:
    """Milliseconds of a lock on that unit, and of the commit after it."""
    return await backfill.rehearsal.try_commit(_lock_of(backfill, unit_id))


def _lock_of(backfill: GroupsBackfill, unit_id: str) -> Work[None]:
    async def lock(connection: AsyncConnection) -> None:
        await backfill.lock_in(connection, [unit_id], backfill.queries.run)

    return lock
