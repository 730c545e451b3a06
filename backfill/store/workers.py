"""Reads which workers are alive and what they hold: their signs of life, and the leases of the active runs.

A lease's token is `worker id/random/claimed ms`: who works on what is read from the leases, and written nowhere else.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import cast

from redis.asyncio import Redis

from backfill.runs.workers import HeldTask, LiveWorker, WorkerRecord, unspoken_record
from backfill.store.client import told_plainly

ALIVE_SECONDS = 15.0


async def read_workers(redis: Redis, *, prefix: str, clock: Callable[[], int] | None = None) -> tuple[LiveWorker, ...]:
    """By id. `redis` must decode responses; `clock` as in Scripts. Raises RedisUnreachable."""
    with told_plainly():
        async with redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.zrange(f"{prefix}:workers", 0, -1, withscores=True)
            pipe.hgetall(f"{prefix}:worker_records")
            (seconds, micros), signs, texts = await pipe.execute()
        now_ms = clock() if clock else seconds * 1000 + micros // 1000
        until = {worker_id: round(till) for worker_id, till in signs if till > now_ms}
        records = {worker_id: record_of(worker_id, texts.get(worker_id)) for worker_id in until}
        names = sorted({name for record in records.values() for name in record.backfills})
        held = await _held(redis, prefix, names, now_ms)
    return tuple(
        LiveWorker(
            **asdict(records[worker_id]),
            holds=tuple(held[worker_id]),
            beat_ms=until[worker_id] - round(ALIVE_SECONDS * 1000),
            seen_ms=now_ms,
        )
        for worker_id in sorted(records)
    )


def record_of(worker_id: str, text: str | None) -> WorkerRecord:
    """Of a worker of another version there may be no record, or one with more in it."""
    if text is None:
        return unspoken_record(worker_id)
    said = json.loads(text)
    known = {name: said[name] for name in WorkerRecord.__dataclass_fields__ if name in said}
    return WorkerRecord(**known | {"backfills": tuple(known.get("backfills", ()))})


async def _held(redis: Redis, prefix: str, backfills: Sequence[str], now_ms: int) -> Mapping[str, list[HeldTask]]:
    held: defaultdict[str, list[HeldTask]] = defaultdict(list)
    active = await redis.mget([f"{prefix}:active:{name}" for name in backfills]) if backfills else []
    for backfill, run_id in zip(backfills, active, strict=True):
        if run_id is None:
            continue
        run_key = f"{prefix}:run:{run_id}"
        leases = await cast("Awaitable[dict[str, str]]", redis.hgetall(f"{run_key}:leases"))
        stages = await _stages(redis, run_key, list(leases))
        for name, lease in sorted(leases.items()):
            owner, since_ms, until_ms = _parsed(lease)
            if owner and until_ms > now_ms:
                is_range = name.isdigit()
                task = HeldTask(
                    run_id=run_id,
                    backfill=backfill,
                    task=("settle" if stages[name] == "open" else "check") if is_range else name,
                    range_index=int(name) if is_range else None,
                    since_ms=since_ms,
                )
                held[owner].append(task)
    return held


async def _stages(redis: Redis, run_key: str, leased: Sequence[str]) -> dict[str, str | None]:
    """Of the ranges among what is leased: a range that is open is being settled, any other one verified."""
    ranges = [name for name in leased if name.isdigit()]
    async with redis.pipeline(transaction=False) as pipe:
        for name in ranges:
            pipe.hget(f"{run_key}:range:{name}", "stage")
        return dict(zip(ranges, await pipe.execute(), strict=True)) if ranges else {}


def _parsed(lease: str) -> tuple[str, int, int]:
    """Who holds it, since when and until when; nobody for a token that does not say."""
    token, _, until_ms = lease.rpartition(" ")
    owner, _, since_ms = token.rpartition("/")
    worker_id = owner.rpartition("/")[0]
    return (worker_id, int(since_ms), int(until_ms)) if worker_id and since_ms.isdigit() else ("", 0, int(until_ms))
