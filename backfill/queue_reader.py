"""The worker's own view of the queue: what it is to see of it, and no end of the worker where Redis breaks off.

arq ends its worker with any error of Redis that its loop meets, and its loop is not ours. So this client gives an
answer to every question of that loop: the server's, or after a while of retrying one that means "nothing to do". A job
that is not begun, or not removed, for that is no loss: it is a ring of a doorbell, and is rung again when it is due.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError, WatchError

from backfill.queue import dump_job, is_for_whom, load_job, queue_name
from backfill.store.client import redis_unreachable, retrying_pool
from backfill.store.patience import Patience

# About ten seconds, then the loop asks anew.
RETRIES = 15
SAID_EVERY_SECONDS = 10.0
SWEPT_EVERY_SECONDS = 10.0
LEAVE_WITHIN_SECONDS = 1.0
_TROUBLES = (RedisError, OSError)
# "Somebody else has it", "no server to describe", "first try", "nothing there".
_NEUTRAL: dict[str, Any] = {"EXISTS": 1, "INFO": {}, "INCR": 1, "ZRANGEBYSCORE": [], "ZCARD": 0, "DEL": 0}

log = structlog.get_logger(__name__)


class _Troubles:
    """Says what is wrong with Redis, now and then."""

    def __init__(self) -> None:
        self._said = float("-inf")

    def tell(self, error: Exception) -> None:
        if time.monotonic() - self._said >= SAID_EVERY_SECONDS:
            self._said = time.monotonic()
            log.warning("waiting for Redis", reason=str(redis_unreachable(error)))


class _Transaction(Pipeline):
    """arq asks whether a job is free and takes it, in one of these; a broken one says that somebody else has it."""

    troubles: _Troubles
    broken = False

    def execute_command(self, *arguments: Any, **options: Any) -> Any:
        if self.broken:
            return _answer(arguments[0])
        return super().execute_command(*arguments, **options)

    async def immediate_execute_command(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().immediate_execute_command(*arguments, **options)  # type: ignore[no-untyped-call]
        except _TROUBLES as error:
            self.broken = True
            self.troubles.tell(error)
            return await _answer(arguments[0])

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        asked = [arguments[0] for arguments, _ in self.command_stack]
        is_taking = self.explicit_transaction
        try:
            answers: list[Any] = await super().execute(raise_on_error)
        except WatchError:
            raise
        except _TROUBLES as error:
            self.troubles.tell(error)
            if is_taking:
                raise WatchError("not taken") from None
            return [await _answer(str(command)) for command in asked]
        return answers

    async def reset(self) -> None:
        """The client ends its watch with one more command, over a new connection where the old one is gone, and lets
        what that meets out into the loop. A watch ends with its connection."""
        if self.connection is not None and not self.connection.is_connected:
            self.watching = False
        try:
            await super().reset()  # type: ignore[no-untyped-call]
        except _TROUBLES as error:
            self.troubles.tell(error)
            if self.connection is not None:
                await self.connection.disconnect()
            self.watching = False
            await super().reset()  # type: ignore[no-untyped-call]


async def _answer(command: str) -> Any:
    return _NEUTRAL.get(command)


class QueueReader(ArqRedis):
    """Shows the worker nothing that would end it (arq decodes each id and rounds each score), and no ring that another
    worker is to answer: one that is taken by a worker that cannot do the work would be lost."""

    may_take: Callable[[str], bool]
    patience: Patience

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._troubles = _Troubles()
        self.swept_at = time.monotonic()

    async def execute_command(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().execute_command(*arguments, **options)  # type: ignore[no-untyped-call]
        except _TROUBLES as error:
            self._troubles.tell(error)
            return await _answer(arguments[0])

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        pipeline = _Transaction(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        pipeline.troubles = self._troubles
        return pipeline

    async def delete(self, *names: Any) -> int:
        """arq's sign of life, as the worker ends: it expires by itself where Redis does not answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_WITHIN_SECONDS):
                return int(await super().delete(*names))
        return 0

    async def zrangebyscore(self, name: Any, min: Any, max: Any, *more: Any, **options: Any) -> list[bytes]:  # noqa: A002 - the library's names
        del min  # arq's is minus infinity
        ids: list[bytes] = await super().zrangebyscore(name, 1, max, *more, **options)
        if strange := [one for one in ids if not _is_text(one)]:
            await self.zrem(name, *strange)
        texts = [one for one in ids if one not in strange]
        shown = [one for one in texts if is_for_whom(one.decode(), self.may_take)]
        await self._sweep(name, [one for one in texts if one not in shown])
        return shown

    async def _sweep(self, name: Any, left: list[bytes]) -> None:
        """What nobody has answered until it expired is removed, by whoever sees it, now and then."""
        if not left or time.monotonic() - self.swept_at < SWEPT_EVERY_SECONDS:
            return
        self.swept_at = time.monotonic()
        async with self.pipeline(transaction=False) as pipe:
            for one in left:
                pipe.exists(job_key_prefix.encode() + one)
            is_there = await pipe.execute()
        if expired := [one for one, there in zip(left, is_there, strict=True) if not there]:
            await self.zrem(name, *expired)


def _is_text(job_id: bytes) -> bool:
    try:
        return bool(job_id.decode())
    except UnicodeDecodeError:
        return False


def open_reader(url: str, *, prefix: str, timeout_seconds: float, may_take: Callable[[str], bool]) -> QueueReader:
    """`may_take` says whether this worker serves a backfill, now."""
    patience = Patience()
    reader = QueueReader(
        pool_or_conn=retrying_pool(
            url, timeout_seconds=timeout_seconds, decode_responses=False, retries=RETRIES, patience=patience
        ),
        job_serializer=dump_job,
        job_deserializer=load_job,
        default_queue_name=queue_name(prefix),
    )
    reader.may_take, reader.patience = may_take, patience
    return reader
