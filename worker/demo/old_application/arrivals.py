"""When the next transaction is due: at a steady rate, whatever the database does (an open loop).

Users do not wait for each other. If the database stops for a second, a second's worth of transactions is due
when it goes on, and their latency counts from when they were due; otherwise a stall would be one slow transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

# Of a longer stall the rest is counted as missed: users give up too, and afterwards the rate is the old one again.
_LONGEST_BACKLOG_SECONDS = 5.0


class Arrivals:
    """Due times for any number of waiting connections. A rate of 0 means: at once, always."""

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        self._interval_seconds = 1 / per_second if per_second else 0.0
        self._clock = clock
        self._next_due = clock()
        self._missed = 0
        self._closed = asyncio.Event()

    async def next(self) -> float | None:
        """From when the latency counts, or None after `close`. Returns when that moment has come."""
        if self._closed.is_set():
            return None
        if not self._interval_seconds:
            return self._clock()
        due = self._take_turn()
        if due <= self._clock():
            return due
        # The time the event loop wakes too late is not the database's.
        return None if await self.closed_within(due - self._clock()) else self._clock()

    async def closed_within(self, seconds: float) -> bool:
        """Waits that long, or until `close`; True when closed."""
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return False
        return True

    def take_missed(self) -> int:
        """How many were given up since the last call."""
        missed, self._missed = self._missed, 0
        return missed

    def change_rate(self, per_second: float) -> None:
        """From the next transaction on that is not waited for yet; what is overdue stays due."""
        self._interval_seconds = 1 / per_second if per_second else 0.0

    def close(self) -> None:
        self._closed.set()

    def _take_turn(self) -> float:
        late_seconds = self._clock() - self._next_due
        if late_seconds > _LONGEST_BACKLOG_SECONDS:
            skipped = int((late_seconds - _LONGEST_BACKLOG_SECONDS) / self._interval_seconds)
            self._missed += skipped
            self._next_due += skipped * self._interval_seconds
        due = self._next_due
        self._next_due += self._interval_seconds
        return due
