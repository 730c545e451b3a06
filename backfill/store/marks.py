"""The marks of a run: at which time by the store's clock the database's log stood where."""

from __future__ import annotations

from collections.abc import Callable

from redis.asyncio import Redis

from backfill.runs.standing import Standing
from backfill.store.client import told_plainly
from backfill.store.scripts import Scripts

KNOWN_PRIMARY = -1


class RedisMarks:
    """`redis` must decode responses; `clock` as in Scripts."""

    def __init__(self, redis: Redis, *, prefix: str, clock: Callable[[], int] | None = None) -> None:
        self._redis = redis
        self._clock = clock
        self._scripts = Scripts(redis, prefix, clock)

    async def now_ms(self) -> int:
        if self._clock is not None:
            return self._clock()
        with told_plainly():
            seconds, micros = await self._redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    async def note(self, run_id: str, standing: Standing, *, at_ms: int) -> int | None:
        kept = "" if standing.kept_lsn is None else standing.kept_lsn
        where = (standing.system, standing.timeline, standing.lsn, kept, standing.up_since_ms)
        ranges = int(await self._scripts.run("note_standing", run_id, at_ms, *where))
        return None if ranges == KNOWN_PRIMARY else ranges
