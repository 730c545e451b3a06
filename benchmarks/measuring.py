"""What is measured of one way to fill the database in, and how the numbers of several rounds become one."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

import asyncpg

from benchmarks.databases import sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One way, once. `verifying_seconds` comes on top of `seconds`; `growth_bytes` is of tables and indexes.

    `again_...` is a second run over what the first has left, its verification included.
    """

    way: str
    seconds: float
    wal_bytes: int
    hot_share: float
    growth_bytes: int
    digest: int
    verifying_seconds: float | None = None
    again_seconds: float | None = None
    again_wal_bytes: int | None = None

    @property
    def verifying_ratio(self) -> float | None:
        return self.verifying_seconds / self.seconds if self.verifying_seconds is not None else None

    @property
    def again_times(self) -> float | None:
        """How often the second run fits into the first, both with their verification."""
        if self.again_seconds is None:
            return None
        return (self.seconds + (self.verifying_seconds or 0.0)) / self.again_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Medians over the rounds of one way, the range of its seconds, and its ratios to the rival of the same round."""

    way: str
    seconds: float
    fastest_seconds: float
    slowest_seconds: float
    wal_bytes: float
    hot_share: float
    growth_bytes: float
    verifying_seconds: float | None
    seconds_ratio: float
    wal_ratio: float
    verifying_ratio: float | None
    again_seconds: float | None
    again_wal_bytes: float | None
    again_times: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    size_bytes: int
    updates: int
    hot_updates: int


@dataclass(slots=True)
class Stopwatch:
    """Seconds and WAL between `begin` and `end`, read over a connection of its own."""

    connection: asyncpg.Connection
    seconds: float = 0.0
    wal_bytes: int = 0
    _begun: float = field(default=0.0, init=False)
    _wal_before: int = field(default=0, init=False)

    async def begin(self) -> None:
        self._wal_before = await self.connection.fetchval(sql("read_wal"))
        self._begun = time.monotonic()

    async def end(self) -> None:
        self.seconds = time.monotonic() - self._begun
        self.wal_bytes = await self.connection.fetchval(sql("read_wal")) - self._wal_before


async def read_tables(connection: asyncpg.Connection) -> Tables:
    return Tables(**await connection.fetchrow(sql("read_tables")))


async def read_digest(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval(sql("read_digest")))


def summarize(rounds: list[dict[str, Measurement]], rival: str) -> list[Summary]:
    """Ratios are taken within a round, because the machine may have been busier in another."""
    return [_summary(way, rounds, rival) for way in sorted(rounds[0])]


def _summary(way: str, rounds: list[dict[str, Measurement]], rival: str) -> Summary:
    ours = [measured[way] for measured in rounds]
    seconds = [one.seconds for one in ours]
    return Summary(
        way=way,
        seconds=median(seconds),
        fastest_seconds=min(seconds),
        slowest_seconds=max(seconds),
        wal_bytes=median(one.wal_bytes for one in ours),
        hot_share=median(one.hot_share for one in ours),
        growth_bytes=median(one.growth_bytes for one in ours),
        verifying_seconds=_median_of_those_there(one.verifying_seconds for one in ours),
        seconds_ratio=median(measured[way].seconds / measured[rival].seconds for measured in rounds),
        wal_ratio=median(measured[way].wal_bytes / measured[rival].wal_bytes for measured in rounds),
        verifying_ratio=_median_of_those_there(one.verifying_ratio for one in ours),
        again_seconds=_median_of_those_there(one.again_seconds for one in ours),
        again_wal_bytes=_median_of_those_there(one.again_wal_bytes for one in ours),
        again_times=_median_of_those_there(one.again_times for one in ours),
    )


def _median_of_those_there(found: Iterable[float | None]) -> float | None:
    there = [one for one in found if one is not None]
    return median(there) if there else None
