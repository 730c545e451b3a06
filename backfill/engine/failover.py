"""Notices that the database was failed over, and has what the run may have lost by it looked at again.

    the store's time -> where the log stands -> a mark of both, or: another timeline, and what came after the last mark
    that the new primary has goes back

Every commit that a cursor had passed when a mark was made lies before the mark's place in the log. So a range that has
not moved since a mark which the new primary has is complete there; every other one begins anew, and passes quickly over
what is settled. Whoever works on a range may have commits that it has not told of, and is no longer heard.
Verification would find what is missing, too, but not in pages that it has read before.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from backfill.engine.protocols import Store
from backfill.engine.serving import Serving
from backfill.runs.errors import RedisUnreachable
from backfill.runs.failures import BatchFailed
from backfill.runs.standing import Standing

LOOK_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Marks(Protocol):
    async def now_ms(self) -> int:
        """By the clock that all checkpoints have."""
        ...

    async def note(self, run_id: str, standing: Standing, *, at_ms: int) -> int | None:
        """Read at `at_ms` or later. How many ranges were taken back; None: it is the primary that was known."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Failovers:
    """`read` is asked by the name of a database, and `databases` has that of each backfill that is not on ''."""

    marks: Marks
    read: Callable[[str], Awaitable[Standing | None]]
    databases: Mapping[str, str] = field(default_factory=dict)

    async def look(self, run_id: str, backfill: str) -> None:
        """Raises BatchFailed where there is no server to ask, and RedisUnreachable."""
        at_ms, standing = await self.marks.now_ms(), await self.read(self.databases.get(backfill, ""))
        if standing is not None:
            await self._note(run_id, standing, at_ms)

    async def look_at_all(self, store: Store, serving: Serving) -> None:
        """At the active runs that this worker serves; a server that does not answer is asked the next time."""
        try:
            active = await store.active_ids(serving.served)
        except RedisUnreachable as error:
            log.debug("no look at the log of the database", reason=str(error))
            return
        by_database: defaultdict[str, list[str]] = defaultdict(list)
        for backfill, run_id in active.items():
            by_database[self.databases.get(backfill, "")].append(run_id)
        await asyncio.gather(*(self._look_at_one(database, run_ids) for database, run_ids in by_database.items()))

    async def _look_at_one(self, database: str, run_ids: Sequence[str]) -> None:
        try:
            at_ms = await self.marks.now_ms()
            async with asyncio.timeout(LOOK_SECONDS):
                standing = await self.read(database)
            if standing is not None:
                for run_id in run_ids:
                    await self._note(run_id, standing, at_ms)
        except (BatchFailed, RedisUnreachable, TimeoutError) as error:
            log.debug("no look at the log of the database", reason=str(error))

    async def _note(self, run_id: str, standing: Standing, at_ms: int) -> None:
        taken_back = await self.marks.note(run_id, standing, at_ms=at_ms)
        if taken_back is not None:
            log.warning("database failed over", run=run_id, timeline=standing.timeline, ranges_taken_back=taken_back)
