"""How long a process that leaves waits for a Redis that does not answer."""

from __future__ import annotations

import asyncio
import copy

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from backfill.store.patience import Patience

NEVER = 3600.0


async def frozen(patience: Patience) -> None:
    async with patience.limited():
        await asyncio.Event().wait()


async def test_calls_in_flight_are_given_up_when_it_is_told_to_leave_and_none_is_waited_for_after_that() -> None:
    patience = Patience(leave_seconds=0.05)
    in_flight = [asyncio.create_task(frozen(copy.deepcopy(patience))) for _ in range(2)]
    asyncio.get_running_loop().call_soon(patience.leave)  # after they have begun

    ended = await asyncio.gather(*in_flight, return_exceptions=True)

    assert [type(one) for one in ended] == [RedisTimeoutError] * 2
    with pytest.raises(RedisTimeoutError):
        await frozen(patience)


async def test_a_redis_that_answers_is_asked_to_the_end() -> None:
    patience = Patience(leave_seconds=NEVER)
    patience.leave()

    for _ in range(3):
        async with patience.limited():
            await asyncio.wait_for(asyncio.to_thread(int), NEVER)


async def test_another_error_within_the_time_is_left_as_it_is() -> None:
    with pytest.raises(TimeoutError, match="the socket's"):
        async with Patience().limited():
            raise TimeoutError("the socket's")
