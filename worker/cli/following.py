"""Follows a run by asking again and again until it is at rest; a Redis that is away for a moment is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from time import monotonic

from worker.cli.output import say
from worker.engine.control import Control
from worker.runs.errors import RedisUnreachable
from worker.runs.record import Run
from worker.runs.states import State

POLL_SECONDS = 0.3
PATIENCE_SECONDS = 30.0


async def follow(control: Control, run_id: str | None, *, until: Collection[State], show: Callable[[Run], None]) -> Run:
    """Gives the run to `show` every few tenths of a second, and returns it in one of the states `until`.

    Raises UnknownRun, and RedisUnreachable where Redis stays away.
    """
    run = await control.get(run_id)
    show(run)
    while run.state not in until:
        await asyncio.sleep(POLL_SECONDS)
        run = await _get_patiently(control, run.id)
        show(run)
    return run


async def _get_patiently(control: Control, run_id: str) -> Run:
    give_up_at = monotonic() + PATIENCE_SECONDS
    told = False
    while True:
        try:
            return await control.get(run_id)
        except RedisUnreachable as error:
            if monotonic() > give_up_at:
                raise
            if not told:
                say(f"{error.what} Trying again for {PATIENCE_SECONDS:g} seconds.")
                told = True
            await asyncio.sleep(POLL_SECONDS)
