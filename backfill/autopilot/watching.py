"""What one monitor has seen: its signals' newest readings, and the times of the probe, on connections of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

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

    `ours` are the names of the applications whose sessions are a worker's.
    """

    limits: Mapping[str, float | None] = field(default_factory=dict)
    off: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    expected_standbys: tuple[str, ...] = ()
    cores: int = 0
    least_lanes: float = 0.75
    ours: tuple[str, ...] = ()

    @property
    def signals(self) -> tuple[Signal, ...]:
        return (*SIGNALS, *map(signal_of, self.checks))


class Watcher:
    """Use as `async with`, for as long as the role is held; what it remembers is of that time."""

    def __init__(self, engine: AsyncEngine, watch: Watch) -> None:
        self._engine = engine
        self._watch = watch
        self._signals = watch.signals
        self._newest: dict[str, Sequence[Reading]] = {}
        self._due: dict[str, float] = {}
        self._memory: dict[str, dict[str, float]] = {signal.name: {} for signal in self._signals}
        self._stack = AsyncExitStack()
        self._probe: Probe | None = None
        self._probe_fails = ""

    async def __aenter__(self) -> Watcher:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def read(self, limits: Mapping[str, float], off: Collection[str]) -> tuple[Reading, ...]:
        """The newest of all signals that are not switched off; those that are due are asked."""
        now = time.monotonic()
        together = {**DEFAULT_LIMITS, **self._watch.limits, **limits}
        wanted = [signal for signal in self._signals if signal.name not in off]
        due = [signal for signal in wanted if self._due.get(signal.name, 0.0) <= now]

        def look(signal: Signal, connection: AsyncConnection) -> Look:
            return Look(
                connection=connection,
                limits=together,
                ours=self._watch.ours,
                expected_standbys=self._watch.expected_standbys,
                cores=self._watch.cores,
                seconds=time.monotonic(),
                memory=self._memory[signal.name],
            )

        self._newest |= await read_signals(self._engine, due, look)
        self._due |= {signal.name: now + signal.every_seconds for signal in due}
        found = [reading for signal in wanted for reading in self._newest.get(signal.name, ())]
        return (*found, *self._of_the_probe(off))

    def _of_the_probe(self, off: Collection[str]) -> Sequence[Reading]:
        return [read_nothing(LATENCY, self._probe_fails)] if self._probe_fails and LATENCY not in off else []

    async def probe(self, seconds: float, *, quiet: bool, off: Collection[str]) -> tuple[list[float], list[float]]:
        """Times alone and beside the backfill, within so many seconds; alone where a window of quiet has just begun."""
        until = time.monotonic() + seconds
        if LATENCY in off:
            self._probe_fails = ""
            await asyncio.sleep(seconds)
            return [], []
        try:
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
        while (left := until - time.monotonic()) > 0:
            milliseconds = await (await self._opened()).take()
            taken.append(milliseconds)
            await asyncio.sleep(min(max(PROBE_EVERY_SECONDS, REST_TO_PROBE * milliseconds / 1000), left))
        return taken

    async def _opened(self) -> Probe:
        if self._probe is None:
            self._probe = await self._stack.enter_async_context(opened_probe(self._engine))
        return self._probe

    async def _give_up_probe(self) -> None:
        self._probe = None
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()
