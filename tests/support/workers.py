"""Workers that say that they are alive, and do nothing."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from redis.asyncio import Redis

from backfill.release import own_version
from backfill.runs.workers import WorkerRecord
from backfill.store.scripts import Scripts
from tests.support.cli import NAME

ALIVE_MS = 60_000


def worker_named(host: str, **said: Any) -> WorkerRecord:
    """By default one like those of this version."""
    facts = {"version": own_version(), "started_ms": 1_800_000_000_000, "backfills": (NAME,), **said}
    return WorkerRecord(id=f"{host}:17:c0ffee", host=host, pid=17, **facts)


async def say_alive(redis: Redis, prefix: str, *records: WorkerRecord) -> None:
    """For the next minute."""
    scripts = Scripts(redis, prefix)
    for record in records:
        await scripts.run("beat", "", record.id, ALIVE_MS, json.dumps(asdict(record)))
