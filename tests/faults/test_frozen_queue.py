"""Redis freezes between two commands of the worker's loop, which lasts milliseconds: the loop hears "nothing to do"."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
from redis.asyncio.client import Pipeline
from redis.exceptions import WatchError

from backfill.queue_reader import QueueReader, open_reader
from tests.support.own_servers import VALKEY, OwnServers

JOB = "arq:in-progress:a-job"


@pytest.fixture
async def reader(own_servers: OwnServers) -> AsyncIterator[QueueReader]:
    opened = open_reader(own_servers.urls.redis_url, prefix="frozen", timeout_seconds=0.3, may_take=lambda _: True)
    yield opened
    await opened.aclose(close_connection_pool=True)


@contextmanager
def frozen(own_servers: OwnServers) -> Iterator[None]:
    valkey = own_servers.pid(VALKEY)
    os.kill(valkey, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(valkey, signal.SIGCONT)


async def look(pipe: Pipeline) -> None:
    assert await pipe.exists(JOB)  # as if another had it


async def leave(_: Pipeline) -> None:
    """What it has seen is not for it: all that is left is to end the watch."""


async def take(pipe: Pipeline) -> None:
    pipe.multi()  # type: ignore[no-untyped-call]
    pipe.psetex(JOB, 1_000, b"1")
    with pytest.raises(WatchError):
        await pipe.execute()


@pytest.mark.parametrize("step", [look, leave, take])
async def test_a_watch_that_redis_freezes_in_ends_without_an_error(
    own_servers: OwnServers, reader: QueueReader, step: Callable[[Pipeline], Awaitable[None]]
) -> None:
    async with reader.pipeline(transaction=True) as pipe:
        await pipe.watch(JOB)
        with frozen(own_servers):
            await step(pipe)
            await pipe.aclose()

    async with reader.pipeline(transaction=True) as pipe:
        await pipe.watch("another")
        assert not await pipe.exists("another")  # "somebody else has it" where it cannot be asked
