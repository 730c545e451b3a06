"""The monitor: one worker at a time looks at a server for all, steps the law, and publishes what runs there may do.

Every worker has one for each database that it knows, and asks for the role on its server a few times a second while a
run there goes by the autopilot. Whoever has it is believed for as long as what it published is fresh; if it dies,
another has the role within seconds, and nobody works there meanwhile. Of several databases of one server any monitor
looks at all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.autopilot.law.course import QUIET_MS, STEP_MS, Course, Seen, step
from backfill.autopilot.law.effort import FIRST, TUNING
from backfill.autopilot.watching import Place, Watch, Watcher
from backfill.runs.directive import Directive, Role, Stopped
from backfill.runs.errors import RedisUnreachable
from backfill.runs.limits import LATENCY, OTHERS
from backfill.runs.readings import Reading
from backfill.runs.servers import all_shown

IDLE_SECONDS = 0.25
LEAVE_WITHIN_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Board(Protocol):
    async def take_role(self, who: str, backfills: Sequence[str]) -> Role | None:
        """For a few seconds, or on for as long again. None while another has it, or no run of these goes by it."""

    async def publish(self, who: str, directive: Directive, runs: Sequence[str]) -> tuple[bool, bool]:
        """Whether the role is still held, and whether work may begin now that could not before."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """`look_on` goes on until it is cancelled. `board` is that of one server, `engines` opens an engine by the name of
    its database. `backfills` are the names that any worker serves; `wake` has the workers look for work at once."""

    board: Board
    engines: Mapping[str, Callable[[], AsyncEngine]]
    watch: Watch
    who: str
    backfills: Callable[[], Awaitable[Sequence[str]]]
    wake: Callable[[], Awaitable[None]]

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """For as long as the block lasts; then the role is free at once."""
        task = asyncio.create_task(self.look_on(), name="autopilot")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task], timeout=LEAVE_WITHIN_SECONDS)
            with suppress(RedisUnreachable, TimeoutError):
                async with asyncio.timeout(LEAVE_WITHIN_SECONDS):
                    await self.board.take_role(self.who, ())

    async def look_on(self) -> None:
        while True:
            try:
                role = await self.board.take_role(self.who, await self.backfills())
                if role is not None:
                    await self._hold(role)
            except RedisUnreachable as error:
                log.debug("monitor waits for Redis", reason=str(error))
            except Exception as error:  # noqa: BLE001 - without a monitor nobody works: it is to try again
                log.warning("monitor failed, and begins anew", error=type(error).__name__)
            await asyncio.sleep(IDLE_SECONDS)

    async def _hold(self, role: Role) -> None:
        """For as long as the role is held and a run goes by the autopilot."""
        log.info("autopilot looks at the database", runs=list(role.lanes), **_named(role))
        course = Course(effort=min(role.effort or FIRST, FIRST))
        taken: Role | None = role
        alone: Sequence[float] = ()
        beside: Sequence[float] = ()
        async with Watcher(self.engines, self.watch) as watcher:
            while taken is not None:
                until = time.monotonic() + STEP_MS / 1000
                off = {*self.watch.off, *(one.signal for one in taken.off)}
                place = Place(databases=taken.databases, here=taken.here)
                readings = await watcher.read(taken.limits, off, place)
                seen = Seen(
                    now_ms=taken.now_ms,
                    most=float(sum(taken.lanes.values())),
                    least=self.watch.least_lanes * len(taken.lanes),
                    readings=readings,
                    alone_ms=alone,
                    beside_ms=beside,
                    nobody_else=any(reading.signal == OTHERS and reading.value == 0 for reading in readings),
                )
                course = _told_changes(course, step(course, seen))
                quiet = course.wants_quiet(taken.now_ms) and LATENCY not in off
                directive = directive_of(course, readings, len(taken.lanes), quiet=quiet)
                held, opened = await self.board.publish(self.who, directive, list(taken.lanes))
                if not held:
                    return
                if opened:
                    await self.wake()
                left = max(until - time.monotonic(), 0.1)
                alone, beside = await watcher.probe(left, quiet=quiet, off=off, place=place)
                taken = await self.board.take_role(self.who, await self.backfills())


def _named(role: Role) -> Mapping[str, str]:
    return {} if role.here == ("",) else {"databases": all_shown(role.here)}


def _told_changes(before: Course, after: Course) -> Course:
    for name in after.holding.keys() - before.holding.keys():
        log.warning("throttled", by=after.holding[name].reading.sentence)
    for name in before.holding.keys() - after.holding.keys():
        log.info("no longer throttled", by=name)
    return after


def directive_of(course: Course, readings: Sequence[Reading], runs: int, *, quiet: bool) -> Directive:
    latency = course.latency
    known = latency.beside_ms is not None
    slowdown = 1 + latency.per_lane * course.effort if known else None
    told = Reading(signal=LATENCY, value=slowdown, limit=TUNING.budget, unit="times", warns=True)
    return Directive(
        effort=course.effort,
        runs=runs,
        slowdown=slowdown,
        alone_ms=latency.alone_ms,
        quiet_ms=QUIET_MS if quiet else 0,
        batch_ms=course.batch_ms,
        stops=[Stopped(reading=stop.reading, since_ms=stop.since_ms) for stop in course.holding.values()],
        readings=[*readings, told] if known else readings,
    )
