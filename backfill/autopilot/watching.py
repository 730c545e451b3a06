"""What one monitor has seen of a server: its signals' newest readings, and the times of the probe, on connections of
its own.

What is the server's is read in one of its databases, and what is a database's in each of them that a run is on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.autopilot.law.course import QUIET_MS, QUIET_SETTLES_MS
from backfill.autopilot.signals import SIGNALS, Look, Signal, read_signals
from backfill.autopilot.signals.checks import Check, signal_of
from backfill.autopilot.signals.probing import Probe, opened_probe
from backfill.runs.limits import DEFAULT_LIMITS, LATENCY
from backfill.runs.readings import Reading, read_nothing

# A probe is a commit: on a slow disk they are further apart, so that they are never a load of their own.
# Alone and beside the backfill they are as far apart: after a longer pause the first answer takes longer by itself.
PROBE_EVERY_SECONDS = 0.015
REST_TO_PROBE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What the operator has set: limits by name, signals that are not looked at, checks, standbys that must be there.

    `ours` are the names of the applications whose sessions are a worker's. A standby of another server than
    DATABASE_URL's has a database of that one and a slash before its name.
    """

    limits: Mapping[str, float | None] = field(default_factory=dict)
    off: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    expected_standbys: tuple[str, ...] = ()
    cores: int = 0
    least_lanes: float = 0.25
    ours: tuple[str, ...] = ()

    def standbys_of(self, here: Collection[str], known: Collection[str]) -> tuple[str, ...]:
        """Of the server that these databases are on. A name may have a slash and mean no database by it."""
        named = [one.partition("/") for one in self.expected_standbys]
        split = [(head, name) if head in known else ("", head + slash + name) for head, slash, name in named]
        return tuple(name for database, name in split if database in here)

    def asked(self, databases: Sequence[str], here: Collection[str]) -> Iterator[tuple[Signal, str]]:
        """All signals of a server, each with the database that it is read in: `databases` are those with a run."""
        for signal in SIGNALS:
            for database in databases if signal.of_database else databases[:1]:
                yield signal, database
        for check in self.checks:
            if check.of is None or check.of in here:
                yield signal_of(check), databases[0] if check.of is None else check.of


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server: its databases that a run is on, and all of them."""

    databases: tuple[str, ...] = ("",)
    here: tuple[str, ...] = ("",)


_Key = tuple[str, str]  # of a signal and of a database


class Watcher:
    """Use as `async with`, for as long as the role is held; what it remembers is of that time, and so are its engines:
    `engines` opens one by the name of its database."""

    def __init__(self, engines: Mapping[str, Callable[[], AsyncEngine]], watch: Watch) -> None:
        self._engines = engines
        self._watch = watch
        self._newest: dict[_Key, Sequence[Reading]] = {}
        self._due: dict[_Key, float] = {}
        self._memory: dict[_Key, dict[str, float]] = {}
        self._opened: dict[str, AsyncEngine] = {}
        self._stack = AsyncExitStack()
        self._probe: Probe | None = None
        self._probe_in = ""
        self._probe_fails = ""

    async def __aenter__(self) -> Watcher:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        for engine in self._opened.values():
            await engine.dispose()

    async def read(
        self, limits: Mapping[str, float], off: Collection[str], place: Place | None = None
    ) -> tuple[Reading, ...]:
        """The newest of all signals that are not switched off; those that are due are asked."""
        now, place = time.monotonic(), place or Place()
        wanted = [one for one in self._watch.asked(place.databases, place.here) if one[0].name not in off]
        due = [(signal, at) for signal, at in wanted if self._due.get((signal.name, at), 0.0) <= now]
        together = {**DEFAULT_LIMITS, **self._watch.limits, **limits}
        asked = {database: [signal for signal, at in due if at == database] for _, database in due}
        await asyncio.gather(*(self._ask(database, signals, together, place) for database, signals in asked.items()))
        self._due |= {(signal.name, at): now + signal.every_seconds for signal, at in due}
        found = [reading for signal, at in wanted for reading in self._newest.get((signal.name, at), ())]
        return (*found, *self._of_the_probe(off))

    async def _ask(
        self, database: str, signals: Sequence[Signal], limits: Mapping[str, float | None], place: Place
    ) -> None:
        def look(signal: Signal, connection: AsyncConnection) -> Look:
            return Look(
                connection=connection,
                limits=limits,
                ours=self._watch.ours,
                expected_standbys=self._watch.standbys_of(place.here, self._engines),
                cores=self._watch.cores,
                seconds=time.monotonic(),
                memory=self._memory.setdefault((signal.name, database), {}),
            )

        found = await read_signals(self._engine(database), signals, look)
        of_one = {signal.name for signal in signals if signal.of_database}
        for name, readings in found.items():
            told = [_in(database, one) for one in readings] if database and name in of_one else readings
            self._newest[name, database] = told

    def _engine(self, database: str) -> AsyncEngine:
        if database not in self._opened:
            self._opened[database] = self._engines[database]()
        return self._opened[database]

    def _of_the_probe(self, off: Collection[str]) -> Sequence[Reading]:
        return [read_nothing(LATENCY, self._probe_fails)] if self._probe_fails and LATENCY not in off else []

    async def probe(
        self, seconds: float, *, quiet: bool, off: Collection[str], place: Place | None = None
    ) -> tuple[list[float], list[float]]:
        """Times alone and beside the backfill, within so many seconds; alone where a window of quiet has just begun."""
        until = time.monotonic() + seconds
        if LATENCY in off:
            self._probe_fails = ""
            await asyncio.sleep(seconds)
            return [], []
        try:
            await self._open_probe((place or Place()).databases[0])
            alone = await self._probe_alone() if quiet else []
            beside = await self._probe_until(until)
        except Exception as error:  # noqa: BLE001 - whatever it is, the latency is not known, and that is no green light
            self._probe_fails = str(error).splitlines()[0] if str(error) else type(error).__name__
            await self._give_up_probe()
            await asyncio.sleep(max(until - time.monotonic(), 0.0))
            return [], []
        self._probe_fails = ""
        return alone, beside

    async def _probe_alone(self) -> list[float]:
        await asyncio.sleep(QUIET_SETTLES_MS / 1000)
        return await self._probe_until(time.monotonic() + (QUIET_MS - QUIET_SETTLES_MS) / 1000)

    async def _probe_until(self, until: float) -> list[float]:
        taken: list[float] = []
        while self._probe is not None and (left := until - time.monotonic()) > 0:
            milliseconds = await self._probe.take()
            taken.append(milliseconds)
            await asyncio.sleep(min(max(PROBE_EVERY_SECONDS, REST_TO_PROBE * milliseconds / 1000), left))
        return taken

    async def _open_probe(self, database: str) -> None:
        """In the database that the server's signals are read in."""
        if self._probe is not None and self._probe_in != database:
            await self._give_up_probe()
        if self._probe is None:
            self._probe = await self._stack.enter_async_context(opened_probe(self._engine(database)))
            self._probe_in = database

    async def _give_up_probe(self) -> None:
        self._probe = None
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()


def _in(database: str, reading: Reading) -> Reading:
    """Those of DATABASE_URL are told as where there is no other one."""
    return replace(reading, about=f"{reading.about} in {database}".strip())
