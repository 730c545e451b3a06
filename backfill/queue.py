"""arq as a doorbell: rings for a slice of a run, and the functions a worker answers with.

A job carries nothing but the run's id, as JSON in both directions: the default serializer is pickle, which
would run whatever somebody put into Redis. What is no job of ours is refused before arq sees it, because arq trusts
what it reads: an impossible time or id would end the worker. Losing a job loses nothing, see `engine.slices.reconcile`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex
from typing import Any

from arq.connections import ArqRedis
from redis.exceptions import WatchError

from backfill.store.client import retrying_pool, told_plainly
from backfill.store.patience import Patience

SLICE = "work_on_run"
RECONCILE = "cron:ring_what_is_due"
# No function has this name: arq says so in one line and removes the job.
REFUSED: dict[str, Any] = {"t": None, "f": "refused: no job of this queue", "a": [], "k": {}, "et": 0}
RING_EXPIRES_SECONDS = 30

# Before the first colon of a ring's id. A worker leaves rings of another number alone, so a version whose jobs this one
# could not read takes the next.
_RINGS = "slice."
_RING = f"{_RINGS}1"

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


def ring_id(address: str) -> str:
    """Fresh each time: an id that is still locked by a killed worker would swallow the ring. `address` is the run's, of
    its backfill and its version."""
    return f"{_RING}:{address}:{token_hex(8)}"


def is_for_whom(job_id: str, may_take: Callable[[str], bool]) -> bool:
    """Whether a worker is to see this entry of the queue: rings of other versions, and for what it does not serve, are
    left to others; everything else (cron jobs, and what is no job of ours) is for whoever comes first."""
    kind, _, rest = job_id.partition(":")
    if kind == _RING:
        return may_take(rest.rpartition(":")[0])
    return not kind.startswith(_RINGS)


def open_arq(url: str, *, prefix: str, timeout_seconds: float, patience: Patience | None = None) -> ArqRedis:
    """arq's client on a pool of ours, which retries when Redis restarts and never waits for ever; for whoever rings."""
    return ArqRedis(
        pool_or_conn=retrying_pool(url, timeout_seconds=timeout_seconds, decode_responses=False, patience=patience),
        job_serializer=dump_job,
        job_deserializer=load_job,
        default_queue_name=queue_name(prefix),
    )


class ArqDoorbell:
    """What operators and slices ring."""

    def __init__(self, arq: ArqRedis) -> None:
        self._arq = arq

    async def ring(self, address: str, run_id: str, times: int) -> None:
        with told_plainly():
            for _ in range(times):
                # A connection that breaks between two commands of arq's loses this ring, and with it nothing.
                with suppress(WatchError):
                    await self._arq.enqueue_job(SLICE, run_id, _job_id=ring_id(address), _expires=RING_EXPIRES_SECONDS)
