"""What a worker's loop hears when Redis breaks off between two of its commands: somebody else has that job."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from arq.constants import in_progress_key_prefix
from redis.asyncio.client import Pipeline
from redis.exceptions import WatchError

from backfill.queue import SLICE, ring_id
from backfill.queue_reader import QueueReader, open_reader

JOB = f"{in_progress_key_prefix}a-job"


@pytest.fixture
async def reader(redis_url: str) -> AsyncIterator[QueueReader]:
    opened = open_reader(redis_url, prefix="reader-test", timeout_seconds=5, may_take=lambda name: name == "ours")
    yield opened
    await opened.aclose(close_connection_pool=True)


async def break_off(reader: QueueReader, pipe: Pipeline) -> None:
    """The server's end of the pipeline's own connection is closed, and those of nobody else's."""
    own = await pipe.immediate_execute_command("CLIENT ID")  # type: ignore[no-untyped-call]
    assert await reader.client_kill_filter(_id=own) == 1


async def test_a_job_that_was_being_looked_at_is_somebody_elses(reader: QueueReader) -> None:
    async with reader.pipeline(transaction=True) as pipe:
        await pipe.watch(JOB)
        await break_off(reader, pipe)

        assert await pipe.exists(JOB)
        assert await pipe.zscore("queue", "a-job") is None


async def test_a_job_that_was_being_taken_is_somebody_elses(reader: QueueReader) -> None:
    async with reader.pipeline(transaction=True) as pipe:
        await pipe.watch(JOB)
        await break_off(reader, pipe)
        pipe.multi()  # type: ignore[no-untyped-call]
        pipe.psetex(JOB, 1_000, b"1")

        with pytest.raises(WatchError):
            await pipe.execute()


async def test_an_error_of_the_server_is_no_news_for_the_loop(reader: QueueReader) -> None:
    await reader.set("no-queue", "a text")

    assert await reader.zrangebyscore("no-queue", 0, "+inf") == []
    assert await reader.zcard("no-queue") == 0


async def test_a_worker_sees_its_own_rings_alone_and_sweeps_up_what_nobody_answered(reader: QueueReader) -> None:
    ours, others = ring_id("ours"), ring_id("others")
    queue = reader.default_queue_name
    for job_id in (ours, others):
        await reader.enqueue_job(SLICE, "0123456789ab", _job_id=job_id)
    await reader.zadd(queue, {ring_id("gone"): 1, "cron:ring_what_is_due:1": 1})

    reader.swept_at = float("-inf")
    seen = await reader.zrangebyscore(queue, 0, "+inf")

    assert set(seen) == {ours.encode(), b"cron:ring_what_is_due:1"}
    assert set(await reader.zrange(queue, 0, -1)) == {*seen, others.encode()}
