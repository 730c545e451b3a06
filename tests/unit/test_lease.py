"""A lease lets go whatever its heartbeat is at."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import cast

from backfill.engine.lease import Lease
from backfill.engine.protocols import Claim, Store, Task
from backfill.engine.tally import Tally
from backfill.runs.pace import Pace
from backfill.runs.states import State

CLAIM = Claim(
    run_id="r",
    backfill="b",
    task=Task.SETTLE,
    token="t",
    pace=Pace(parallel=1, batch_rows=100, target_ms=50, pause_ms=0, rows_per_second=0),
)


class DeafStore:
    """Loses a cancellation that comes while it renews, as the client of Redis does before Python 3.12."""

    def __init__(self) -> None:
        self.renewing = asyncio.Event()
        self.never = asyncio.Event()
        self.released = False

    async def renew(self, claim: Claim) -> tuple[bool, State]:
        self.renewing.set()
        with suppress(asyncio.CancelledError, TimeoutError):
            async with asyncio.timeout(0.05):
                await self.never.wait()
        return True, State.RUNNING

    async def release(self, claim: Claim, *, due_in_ms: int = 0, whole_run: bool = False) -> None:
        self.released = True


async def test_it_is_let_go_although_a_heartbeat_is_on_its_way() -> None:
    store = DeafStore()

    async def hold_and_let_go() -> None:
        async with Lease(cast("Store", store), CLAIM, Tally(), lease_seconds=0.03):
            await store.renewing.wait()

    holding = asyncio.create_task(hold_and_let_go())
    done, _ = await asyncio.wait([holding], timeout=5)

    assert done == {holding}
    assert store.released
