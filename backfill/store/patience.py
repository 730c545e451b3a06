"""How long a process waits for Redis: as its sockets say, until it is told to leave.

A worker that ends has a handful of things left to say, one after the other. With a Redis that does not answer, each of
them would wait for its own time, and the worker would be at it for most of a minute: longer than supervisors wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from redis.exceptions import TimeoutError as RedisTimeoutError

LEAVE_SECONDS = 2.0


class Patience:
    """Shared by all connections of a process, and by the copies that the client makes of what they share."""

    def __init__(self, leave_seconds: float = LEAVE_SECONDS) -> None:
        self._leave_seconds = leave_seconds
        self._seconds: float | None = None
        self._waiting: set[asyncio.Timeout] = set()

    def leave(self) -> None:
        """From now on no call takes longer than `leave_seconds`; after the first that does, none is waited for."""
        if self._seconds is None:
            self._limit(self._leave_seconds)

    @asynccontextmanager
    async def limited(self) -> AsyncIterator[None]:
        """Raises the client's own TimeoutError."""
        timeout = asyncio.timeout(self._seconds)
        self._waiting.add(timeout)
        try:
            async with timeout:
                yield
        except TimeoutError as error:
            if not timeout.expired():
                raise
            self._limit(0.0)
            raise RedisTimeoutError("it did not answer while this process was leaving") from error
        finally:
            self._waiting.discard(timeout)

    def _limit(self, seconds: float) -> None:
        self._seconds = seconds
        until = asyncio.get_running_loop().time() + seconds
        for timeout in self._waiting:
            if not timeout.expired():
                timeout.reschedule(until)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self
