"""What the faults of a round work on, and the clock that takes their recoveries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from tests.proof.campaign.ledger import Ledger
from tests.proof.campaign.lookout import GO_ON_SECONDS, Lookout, Sight
from tests.proof.campaign.operating import Operator
from tests.proof.campaign.plan import Kind
from tests.proof.campaign.workforce import Workforce
from tests.proof.traffic import LiveTraffic
from tests.support.cutting_proxy import CuttingProxy
from tests.support.own_servers import OwnServers
from tests.support.waiting import wait_until

INSIST_EVERY_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """`database_url` leads to PostgreSQL straight; the workers' way leads through `proxy`."""

    servers: OwnServers
    database_url: str
    traffic: LiveTraffic
    proxy: CuttingProxy
    workforce: Workforce
    lookout: Lookout
    operator: Operator
    ledger: Ledger
    lasting: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def ended(self) -> asyncio.Event:
        """The run has: there is nothing left to disturb."""
        return self.lookout.ended

    @asynccontextmanager
    async def recovery(self, kind: Kind, *, from_after: bool = False, of_server: bool = False) -> AsyncIterator[None]:
        """The blow is inside the block; returns when the run goes on. `from_after`: from where the run stands after it,
        for a blow that is over at once and that a worker may be quicker than. `of_server`: at the end of the block a
        server that was down answers again, and what came before is not the workers' to shorten."""
        before = await self._look()
        since = time.monotonic()
        yield
        answers_at = time.monotonic()
        if from_after:
            before = replace(before, steps=(await self._look()).steps)
        goes_on_at = await self.lookout.goes_on(before)
        self.ledger.recovered(kind, goes_on_at - since, max(goes_on_at - answers_at, 0.0) if of_server else None)

    async def _look(self) -> Sight:
        sight = await wait_until(self.lookout.look_once, GO_ON_SECONDS)
        assert sight is not None
        return sight

    def go_on_beside(self, what: Coroutine[Any, Any, None]) -> None:
        self.lasting.add(asyncio.create_task(what))

    async def wait_for_what_lasts(self) -> None:
        """Raises what one of them died of."""
        await asyncio.gather(*self.lasting)

    def end_what_lasts(self) -> None:
        for task in self.lasting:
            task.cancel()

    async def let_pass(self, seconds: float) -> None:
        """That time, or less when the run ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.ended.wait()


@asynccontextmanager
async def beside(*endless: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """They go on for as long as the block; raises what one of them died of."""
    tasks = [asyncio.create_task(one) for one in endless]
    try:
        yield
    finally:
        for task in tasks:
            await _end(task)
    for task in tasks:
        if not task.cancelled():
            await task


async def _end(task: asyncio.Task[None]) -> None:
    """Cancelled as often as it takes: before Python 3.12 the Redis client can swallow a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=INSIST_EVERY_SECONDS)
