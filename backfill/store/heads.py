"""Reads of many runs what they are, and nothing of how they go: two round trips, however many there are."""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from backfill.runs.states import State
from backfill.runs.terms import backfill_at
from backfill.store.client import told_plainly


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    run_id: str
    backfill: str
    state: State


async def newest_heads(redis: Redis, *, prefix: str, limit: int) -> tuple[Head, ...]:
    """Newest first. `redis` must decode responses. Raises RedisUnreachable."""
    with told_plainly():
        ids = await redis.zrevrange(f"{prefix}:runs", 0, limit - 1)
        async with redis.pipeline(transaction=False) as pipe:
            for run_id in ids:
                pipe.hmget(f"{prefix}:run:{run_id}", ["backfill", "state"])
            found = await pipe.execute() if ids else []
    return tuple(
        Head(run_id=run_id, backfill=backfill_at(backfill), state=State(state))
        for run_id, (backfill, state) in zip(ids, found, strict=True)
        if backfill and state
    )
