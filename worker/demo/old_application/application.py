"""Runs the old application's transactions over several connections at a steady rate.

Whatever goes wrong with a transaction counts as an error that the application's users saw: nothing is tried
again, because the point is to show that the migration and the backfill give no reason to.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Self

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.runs.errors import NotFound, SchemaNotReady, UsageError
from backfill.sql.database import open_engine, reachable
from worker.demo.old_application.arrivals import Arrivals
from worker.demo.old_application.connections import DATABASE_ERRORS, Connection
from worker.demo.old_application.contents import Contents
from worker.demo.old_application.known_rows import KnownRows, sample_rows
from worker.demo.old_application.latencies import Phase, PhaseSummary
from worker.demo.old_application.transactions import Desk, Mix

_UNDEFINED_TABLE = "42P01"
_FIRST_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 0.05, 1.0
# A transaction that waits for a lock when the application closes is given this long to end by itself.
_CLOSING_SECONDS = 10.0

MOST_PER_SECOND = 100_000
_WRONG_RATE = f"The application's transactions per second must be between 0 (no limit) and {MOST_PER_SECOND}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """How much the application does, and at most one transaction per connection at a time.

    A rate of 0 means as fast as the connections can. Few deletes: each reads the whole table of generations
    (nothing indexes parent_generation_id), a third of a second with 200 000 of them.
    """

    connections: int = 4
    transactions_per_second: float = 100.0
    deletes_percent: float = 0.5
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.connections <= 200:
            raise UsageError("The application's connections must be between 1 and 200.")
        if not 0 <= self.transactions_per_second <= MOST_PER_SECOND:
            raise UsageError(_WRONG_RATE)
        if not 0 <= self.deletes_percent <= 50:
            raise UsageError("The application's deletes must be between 0 and 50 per cent.")


class OldApplication:
    """`async with` starts and ends the traffic; `phase` says under which name it counts from now on."""

    def __init__(
        self, database_url: str, traffic: Traffic, *, phase: str = "before", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database_url = database_url
        self._traffic = traffic
        self._clock = clock
        self._phases = {phase: Phase(phase, clock)}
        self._phase = self._phases[phase]
        self._mix = Mix(traffic.deletes_percent)
        self._contents = Contents(Random(f"{traffic.seed}:contents"))
        self._engine: AsyncEngine | None = None
        self._arrivals: Arrivals | None = None
        self._serving: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """DatabaseUnreachable or SchemaNotReady when it cannot even start."""
        self._engine = open_engine(
            self._database_url, application_name="old-application", pool_size=self._traffic.connections
        )
        connections = [Connection(self._engine) for _ in range(self._traffic.connections)]
        try:
            async with reachable(self._database_url):
                for connection in connections:
                    await connection.opened()
                rows = await self._sample_rows(connections[0])
        except BaseException:
            for connection in connections:
                await connection.close()
            await self._engine.dispose()
            raise
        self._arrivals = Arrivals(self._traffic.transactions_per_second, self._clock)
        self._phase.enter()
        self._serving = [
            asyncio.create_task(self._serve(connection, Random(f"{self._traffic.seed}:{number}"), rows, self._arrivals))
            for number, connection in enumerate(connections)
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the traffic; the summaries stay. Raises what a connection died of, if it was not the database."""
        if self._engine is None or self._arrivals is None:
            return
        self._arrivals.close()
        _, late = await asyncio.wait(self._serving, timeout=_CLOSING_SECONDS)
        for task in late:
            task.cancel()
        outcomes = await asyncio.gather(*self._serving, return_exceptions=True)
        self._phase.leave()
        await self._engine.dispose()
        self._engine = None
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    def phase(self, name: str) -> None:
        """From now on transactions count as `name`; one that is in flight counts as what it began in."""
        self._note_missed()
        self._phase.leave()
        self._phase = self._phases.setdefault(name, Phase(name, self._clock))
        self._phase.enter()

    def rate(self, transactions_per_second: float) -> None:
        """From now on it does so many; a rate of 0 means as fast as the connections can."""
        if not 0 <= transactions_per_second <= MOST_PER_SECOND:
            raise UsageError(_WRONG_RATE)
        if self._arrivals is not None:
            self._arrivals.change_rate(transactions_per_second)

    def summary(self, name: str | None = None) -> PhaseSummary:
        """Of that phase, or of the present one; NotFound for one that never was."""
        self._note_missed()
        phase = self._phase if name is None else self._phases.get(name)
        if phase is None:
            raise NotFound(f"The application was never in a phase {name!r}.", f"There are: {', '.join(self._phases)}.")
        return phase.summary()

    def summaries(self) -> list[PhaseSummary]:
        """Of all phases in the order in which they were first entered."""
        return [self.summary(name) for name in self._phases]

    def _note_missed(self) -> None:
        if self._arrivals is not None:
            self._phase.missed += self._arrivals.take_missed()

    async def _sample_rows(self, connection: Connection) -> KnownRows:
        try:
            return await sample_rows(await connection.opened(), self._traffic.seed)
        except asyncpg.PostgresError as error:
            if error.sqlstate != _UNDEFINED_TABLE:
                raise
            raise SchemaNotReady(
                "The database does not have the application's tables.", "Run `alembic upgrade e011ab9dd223`."
            ) from error

    async def _serve(self, connection: Connection, random: Random, rows: KnownRows, arrivals: Arrivals) -> None:
        """One connection: a transaction whenever one is due, until there are no more."""
        backoff_seconds = _FIRST_BACKOFF_SECONDS
        try:
            while (due := await arrivals.next()) is not None:
                await self._attempt(connection, rows, random, due)
                if connection.is_open:
                    backoff_seconds = _FIRST_BACKOFF_SECONDS
                else:
                    await arrivals.closed_within(backoff_seconds)
                    backoff_seconds = min(2 * backoff_seconds, _LONGEST_BACKOFF_SECONDS)
        finally:
            await connection.close()

    async def _attempt(self, connection: Connection, rows: KnownRows, random: Random, due: float) -> None:
        phase, kind_name = self._phase, "connect"
        try:
            opened = await connection.opened()
            kind = self._mix.choose(rows, random)
            kind_name = kind.name
            await kind.run(Desk(connection=opened, rows=rows, contents=self._contents, random=random))
        except DATABASE_ERRORS as error:
            phase.failed(kind_name, self._clock() - due, error)
            await connection.drop_if_lost(error)
        else:
            phase.succeeded(kind_name, self._clock() - due)
