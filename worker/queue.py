"""arq as a doorbell: rings for a slice of a run, and the functions a worker answers with.

A job carries nothing but the run's id, as JSON in both directions: the default serializer is pickle, which
would run whatever somebody put into Redis. What is no job of ours is refused before arq sees it, because arq trusts
what it reads: an impossible time or id would end the worker. Losing a job loses nothing, see `engine.slices.reconcile`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from arq.connections import ArqRedis

from worker.redis_client import RETRIES, retrying_pool, told_plainly

SLICE = "work_on_run"
RECONCILE = "cron:ring_what_is_due"
# No function has this name: arq says so in one line and removes the job.
REFUSED: dict[str, Any] = {"t": None, "f": "refused: no job of this queue", "a": [], "k": {}, "et": 0}
RING_EXPIRES_SECONDS = 30

_RUN_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_LATEST_MS = 2**47  # the year 6429


def queue_name(prefix: str) -> str:
    """Our own queue: more than a hundred locked jobs of others ahead would starve the rest."""
    return f"{prefix}:queue"


def dump_job(job: dict[str, Any]) -> bytes:
    """Also of the result of a job that failed, which arq makes even where none is kept: that is an exception."""
    return json.dumps(job, default=repr).encode()


def load_job(text: bytes) -> dict[str, Any]:
    """A job as arq stores it, REFUSED for anything else: an error in here would be logged with its traceback."""
    try:
        job: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError):
        return REFUSED
    match job:
        case {"t": None, "f": str(name), "a": [*arguments], "k": {**keywords}, "et": int(enqueued_ms)}:
            is_ours = not keywords and 0 <= enqueued_ms < _LATEST_MS and _takes(name, arguments)
            return job if is_ours else REFUSED
        case _:
            return REFUSED


def _takes(name: str, arguments: list[Any]) -> bool:
    match arguments:
        case [str(run_id)]:
            return name == SLICE and _RUN_ID.fullmatch(run_id) is not None
        case _:
            return name == RECONCILE and not arguments


class _Arq(ArqRedis):
    """Shows the worker no entry of the queue that would end it: arq decodes each id and rounds each score."""

    async def zrangebyscore(self, name: Any, min: Any, max: Any, *more: Any, **options: Any) -> list[bytes]:  # noqa: A002 - the library's names
        del min  # arq's is minus infinity
        ids: list[bytes] = await super().zrangebyscore(name, 1, max, *more, **options)
        if strange := [one for one in ids if not _is_text(one)]:
            await self.zrem(name, *strange)
        return [one for one in ids if one not in strange]


def _is_text(job_id: bytes) -> bool:
    try:
        return bool(job_id.decode())
    except UnicodeDecodeError:
        return False


def open_arq(url: str, *, prefix: str, timeout_seconds: float, retries: int = RETRIES) -> ArqRedis:
    """arq's client on a pool of ours, which retries when Redis restarts and never waits for ever."""
    return _Arq(
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
