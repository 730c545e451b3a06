"""Says to Redis that a worker is alive, and what it serves, for as long as its event loop turns.

arq's own sign of life is one key for all the workers of a queue: it says that there is one, not how many.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from secrets import token_hex
from types import TracebackType

import structlog
from redis.asyncio import Redis

from backfill.runs.errors import RedisUnreachable
from backfill.runs.workers import WorkerRecord
from backfill.store.client import told_plainly
from backfill.store.scripts import Scripts
from backfill.store.workers import ALIVE_SECONDS

BEAT_SECONDS = 5.0
LEAVE_WITHIN_SECONDS = 1.0

log = structlog.get_logger(__name__)


def new_worker_id() -> str:
    """Unique among all processes there ever were; without spaces and slashes: it begins the tokens of leases."""
    return f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"


class Presence:
    """Use as `async with`; a worker that is killed is taken for alive until its last sign is `ALIVE_SECONDS` old."""

    def __init__(self, redis: Redis, record: WorkerRecord, *, prefix: str) -> None:
        self._scripts = Scripts(redis, prefix)
        self._record = record
        self._leaving = asyncio.Event()
        self._changed = asyncio.Event()
        self._heartbeat: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Presence:
        # The first sign is there before the worker says that it is ready: nobody who has read that finds none alive.
        await self._say_alive()
        self._heartbeat = asyncio.create_task(self._beat(), name="presence")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()  # a cancellation alone can get lost in the client of Redis before Python 3.12
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            await asyncio.gather(self._heartbeat, return_exceptions=True)
        with suppress(RedisUnreachable, TimeoutError):
            async with asyncio.timeout(LEAVE_WITHIN_SECONDS):
                await self._say(0)

    def serves(self, backfills: Sequence[str], not_served: Mapping[str, str]) -> None:
        """From now on; said at once."""
        self._record = replace(self._record, backfills=tuple(backfills), not_served=dict(not_served))
        self._changed.set()

    async def _beat(self) -> None:
        while not self._leaving.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._changed.wait()
            self._changed.clear()
            await self._say_alive()

    async def _say_alive(self) -> None:
        try:
            await self._say(round(ALIVE_SECONDS * 1000))
        except RedisUnreachable as error:
            log.debug("sign of life failed", reason=str(error))

    async def _say(self, alive_ms: int) -> None:
        await self._scripts.run("beat", "", self._record.id, alive_ms, json.dumps(asdict(self._record)))


async def workers_here(redis: Redis, *, prefix: str) -> int:
    """How many workers of this host are alive. `redis` must decode responses. Raises RedisUnreachable."""
    with told_plainly():
        seconds, micros = await redis.time()
        names = await redis.zrangebyscore(f"{prefix}:workers", seconds * 1000 + micros // 1000, "+inf")
    return sum(name.startswith(f"{socket.gethostname()}:") for name in names)
