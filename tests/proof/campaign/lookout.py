"""Looks at the run for as long as a round lasts: where its ranges are, who waits for a lock, when it moves on again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from redis.asyncio import Redis

from backfill.runs.errors import RedisUnreachable
from backfill.runs.states import AT_REST, DONE, State
from backfill.store.client import told_plainly
from tests.support.waiting import again_and_again, wait_until

LOOK_EVERY_SECONDS = 0.1
GO_ON_SECONDS = 120.0
ENDS = frozenset({State.SUCCEEDED, State.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """`steps` is, by range, the number of its last checkpoint; `worked_on` are those with a lease."""

    run_id: str
    state: State
    error: str | None
    steps: dict[str, int]
    worked_on: frozenset[str]

    def went_on(self, since: Sight) -> bool:
        """Every range that was being worked on then has made a step, or the work of another run has begun."""
        if self.state in DONE:
            return True
        before = since.steps if self.run_id == since.run_id else {}
        moved = {index for index, step in self.steps.items() if step > before.get(index, 0)}
        if self.run_id != since.run_id or not since.worked_on:
            return bool(moved)
        return since.worked_on <= moved


class Lookout:
    """`sight` is None before the first run, while Redis is away, and when Redis has forgotten the run. `ended` is set
    once a run has come to its end by itself."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self.run_id = ""
        self.sight: Sight | None = None
        self.forgotten = False
        self.ended = asyncio.Event()
        self.contended: set[str] = set()

    async def look(self) -> None:
        """Until it is cancelled."""
        async for _ in again_and_again(LOOK_EVERY_SECONDS):
            await self.look_once()

    async def look_once(self) -> Sight | None:
        run_id = self.run_id
        try:
            sight = await self._read(run_id)
        except RedisUnreachable:
            self.sight = None
            return None
        if run_id == self.run_id:
            self.sight, self.forgotten = sight, bool(run_id) and sight is None
            if sight and sight.state in ENDS:
                self.ended.set()
        return self.sight

    async def until(self, true: Callable[[Sight], object], *, deadline_seconds: float = GO_ON_SECONDS) -> Sight:
        await wait_until(lambda: self.sight is not None and true(self.sight), deadline_seconds)
        assert self.sight is not None
        return self.sight

    async def goes_on(self, since: Sight) -> float:
        """The monotonic time at which it had."""
        await self.until(lambda sight: sight.went_on(since))
        return time.monotonic()

    async def _read(self, run_id: str) -> Sight | None:
        key = f"{self._prefix}:run:{run_id}"
        with told_plainly():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hmget(key, ["state", "error", "ranges"])
                pipe.hkeys(f"{key}:leases")
                pipe.hkeys(f"{key}:put_aside")
                (state, error, ranges), leases, put_aside = await pipe.execute()
            if state is None:
                return None
            self.contended.update(put_aside)
            async with self._redis.pipeline(transaction=True) as pipe:  # all of one moment
                for index in range(int(ranges or 0)):
                    pipe.hget(f"{key}:range:{index}", "sequence")
                steps = await pipe.execute()
        return Sight(
            run_id=run_id,
            state=State(state),
            error=error,
            steps={str(index): int(step or 0) for index, step in enumerate(steps)},
            worked_on=frozenset(task for task in leases if task.isdigit()),
        )


def at_rest(sight: Sight) -> bool:
    return sight.state in AT_REST
