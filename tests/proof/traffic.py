"""The application at work: today's release, and beside it the next one once it is rolled out.

Each connection does one transaction after the other, chosen by chance and seed among those that are possible. Nothing
is tried again that the real application would not try again, so an error is one that its users would have seen; only
inside an `outage` is a lost connection nobody's fault.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Self

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.sql.database import connection_failure, open_engine
from tests.proof import traffic_next, traffic_old
from tests.proof.desk import Desk, Mix
from tests.proof.journal import Journal
from tests.proof.session import RowMissing
from tests.proof.snapshot import take_snapshot
from worker.demo.old_application.arrivals import Arrivals
from worker.demo.old_application.connections import DATABASE_ERRORS, Connection
from worker.demo.old_application.contents import Contents
from worker.demo.old_application.known_rows import KnownRows, sample_rows

OLD_RELEASE, NEXT_RELEASE = "todays-release", "next-release"
_FIRST_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 0.05, 1.0
_CLOSING_SECONDS = 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """`transactions_per_second` 0: as fast as the connections can."""

    seed: int = 1
    connections: int = 4
    transactions_per_second: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationError:
    kind: str
    sqlstate: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind} failed with {self.sqlstate}: {self.message}"


class LiveTraffic:
    """`async with` starts and ends it. The journal gets a snapshot of the database first, unless it has one."""

    def __init__(self, database_url: str, journal: Journal, load: Load) -> None:
        self._database_url = database_url
        self._journal = journal
        self._load = load
        self._contents = Contents(Random(f"{load.seed}:contents"))
        self._engines: list[AsyncEngine] = []
        self._arrivals: Arrivals | None = None
        self._serving: list[asyncio.Task[None]] = []
        self._next_release = 0
        self._outages = 0
        self._outage_ended_at = float("-inf")
        self.errors: list[ApplicationError] = []

    async def __aenter__(self) -> Self:
        if not self._journal.has_snapshot:
            await take_snapshot(self._database_url, self._journal)
        connection = await asyncpg.connect(self._database_url)
        try:
            rows = await sample_rows(connection, self._load.seed)
        finally:
            await connection.close()
        self._engines = [
            open_engine(self._database_url, application_name=name, pool_size=self._load.connections)
            for name in (OLD_RELEASE, NEXT_RELEASE)
        ]
        self._arrivals = Arrivals(self._load.transactions_per_second, time.monotonic)
        self._serving = [
            asyncio.create_task(self._serve(number, rows, self._arrivals)) for number in range(self._load.connections)
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Lets the transactions in flight end. Raises what a connection died of, if it was not the database."""
        if self._arrivals is None:
            return
        self._arrivals.close()
        _, late = await asyncio.wait(self._serving, timeout=_CLOSING_SECONDS)
        for task in late:
            task.cancel()
            self.errors.append(ApplicationError(kind="the end", sqlstate="", message="a transaction did not end"))
        outcomes = await asyncio.gather(*self._serving, return_exceptions=True)
        for engine in self._engines:
            await engine.dispose()
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def roll_out_next_release(self) -> None:
        """From their next transaction on, half of the connections are of the next release."""
        self._next_release = max(self._load.connections // 2, 1)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Lost and refused connections are excused for transactions that begin or fail inside, and on each connection
        until a transaction that began after the end of it has succeeded there."""
        self._outages += 1
        try:
            yield
        finally:
            self._outages -= 1
            self._outage_ended_at = time.monotonic()

    async def _serve(self, number: int, rows: KnownRows, arrivals: Arrivals) -> None:
        random = Random(f"{self._load.seed}:{number}")
        plug = _Plug(self._engines[0])
        backoff_seconds = _FIRST_BACKOFF_SECONDS
        try:
            while await arrivals.next() is not None:
                is_next = number < self._next_release
                await plug.into(self._engines[1] if is_next else self._engines[0])
                mix = traffic_next.MIX if is_next else traffic_old.MIX
                if await self._attempt(plug, mix, rows, random):
                    backoff_seconds = _FIRST_BACKOFF_SECONDS
                elif not plug.connection.is_open:
                    await arrivals.closed_within(backoff_seconds)
                    backoff_seconds = min(2 * backoff_seconds, _LONGEST_BACKOFF_SECONDS)
        finally:
            await plug.connection.close()

    async def _attempt(self, plug: _Plug, mix: Mix, rows: KnownRows, random: Random) -> bool:
        # What succeeds proves its connection as of its beginning: its answers may be older than their being read.
        excused, kind_name, began = self._outages > 0, "connect", time.monotonic()
        try:
            if not plug.connection.is_open:
                await plug.connection.opened()
                plug.proven_at = began
            desk = Desk(
                connection=await plug.connection.opened(),
                pooled=await plug.connection.pooled(),
                journal=self._journal,
                rows=rows,
                contents=self._contents,
                random=random,
                hold=self._hold,
            )
            # Nothing is waited for between the choice and the moment when the transaction takes its row.
            kind = mix.choose(rows, random)
            kind_name = kind.name
            await kind.run(desk)
        except (*DATABASE_ERRORS, RowMissing) as error:
            excused = excused or self._outages > 0 or plug.proven_at < self._outage_ended_at
            self._failed(kind_name, error, excused=excused)
            await plug.connection.drop_if_lost(error)
            return False
        plug.proven_at = began
        return True

    async def _hold(self, seconds: float) -> None:
        """How long a transaction stays open; shorter when the traffic ends."""
        assert self._arrivals is not None
        await self._arrivals.closed_within(seconds)

    def _failed(self, kind: str, error: BaseException, *, excused: bool) -> None:
        if excused and not isinstance(error, RowMissing) and _is_lost(error):
            self._journal.count("excused: connection lost")
            return
        sqlstate = getattr(error, "sqlstate", None) or type(error).__name__
        message = next(iter(str(error).splitlines()), type(error).__name__)
        self.errors.append(ApplicationError(kind=kind, sqlstate=sqlstate, message=message))


class _Plug:
    """Which release a connection is of; `proven_at` is when it was last known to work, on the monotonic clock."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.connection = Connection(engine)
        self.proven_at = float("-inf")

    async def into(self, engine: AsyncEngine) -> None:
        if engine is not self._engine:
            await self.connection.close()
            self._engine, self.connection = engine, Connection(engine)


def _is_lost(error: BaseException) -> bool:
    """Whether the server or the way to it failed, rather than the server refusing a statement."""
    return connection_failure(error) is not None or not isinstance(error, asyncpg.PostgresError)
