"""arq as a doorbell: rings for a slice of a run, and the functions a worker answers with.

A job carries nothing but the run's id, as JSON in both directions: the default serializer is pickle, which
would run whatever somebody put into Redis. Losing a job loses nothing, see `engine.slices.reconcile`.
"""

from __future__ import annotations

import json
from typing import Any

from arq.connections import ArqRedis

from worker.redis_client import RETRIES, retrying_pool, told_plainly

SLICE = "work_on_run"
RING_EXPIRES_SECONDS = 30


def queue_name(prefix: str) -> str:
    """Our own queue: more than a hundred locked jobs of others ahead would starve the rest."""
    return f"{prefix}:queue"


def dump_job(job: dict[str, Any]) -> bytes:
    return json.dumps(job).encode()


def load_job(text: bytes) -> dict[str, Any]:
    """A job as arq stores it; ValueError for anything else, because arq trusts what comes out of here."""
    job: dict[str, Any] = json.loads(text)
    match job:
        case {"t": int() | None, "f": str(), "a": list(), "k": dict(), "et": int()}:
            return job
        case _:
            raise ValueError("not a job of this queue")


def open_arq(url: str, *, prefix: str, timeout_seconds: float, retries: int = RETRIES) -> ArqRedis:
    """arq's client on a pool of ours, which retries when Redis restarts and never waits for ever."""
    return ArqRedis(
        pool_or_conn=retrying_pool(url, timeout_seconds=timeout_seconds, decode_responses=False, retries=retries),
        job_serializer=dump_job,
        job_deserializer=load_job,
        default_queue_name=queue_name(prefix),
    )


class ArqDoorbell:
    """Rings with a fresh job id each time: an id that is still locked by a killed worker would swallow the ring."""

    def __init__(self, arq: ArqRedis) -> None:
        self._arq = arq

    async def ring(self, run_id: str, times: int) -> None:
        with told_plainly():
            for _ in range(times):
                await self._arq.enqueue_job(SLICE, run_id, _expires=RING_EXPIRES_SECONDS)
