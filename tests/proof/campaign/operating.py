"""The operator of a round: begins runs, steers them, and puts right what docs/operations.md says an operator does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from backfill.engine.control import Control
from backfill.runs.errors import ActiveRunExists, UnknownRun, Unreachable, WrongState
from backfill.runs.pace import Pace
from backfill.runs.states import Action, State
from tests.proof.campaign.ledger import Ledger
from tests.proof.campaign.lookout import Lookout, at_rest
from tests.support.runs import BACKFILL
from tests.support.waiting import again_and_again

LOOK_EVERY_SECONDS = 0.3
FULL_PACE: Mapping[str, int | None] = {"parallel": 3, "batch_rows": 2000, "pause_ms": 0}
REST_SECONDS = 120.0


class Operator:
    def __init__(self, control: Control, lookout: Lookout, ledger: Ledger, pace: Pace) -> None:
        self._control = control
        self._lookout = lookout
        self._ledger = ledger
        self._pace = pace
        self._wanted_paused = False
        self._busy = asyncio.Lock()

    async def attend(self) -> None:
        """Until it is cancelled: a run that is gone is begun again, one that the engine has paused is resumed."""
        async for _ in again_and_again(LOOK_EVERY_SECONDS):
            async with self._busy:
                with suppress(Unreachable, UnknownRun, WrongState):
                    await self._put_right()

    async def enqueue(self) -> None:
        """Tried again while a server is away. A run that is active already is the one to watch."""
        async for _ in again_and_again(LOOK_EVERY_SECONDS):
            try:
                run, _ = await self._control.enqueue(BACKFILL, self._pace, requested_by="campaign")
                self._lookout.run_id = run.id
            except ActiveRunExists as error:
                self._lookout.run_id = error.run_id
            except Unreachable:
                continue
            await self._lookout.look_once()
            return

    async def pause(self) -> bool:
        """Returns when it rests; False when it had ended before it could."""
        self._wanted_paused = True
        self._wanted_paused = paused = await self._act(Action.PAUSE)
        if paused:
            await self._lookout.until(at_rest, deadline_seconds=REST_SECONDS)
        return paused

    async def resume(self) -> None:
        async with self._busy:
            self._wanted_paused = False
            await self._act(Action.RESUME)

    async def cancel_and_begin_another(self) -> bool:
        """False when the run had ended before."""
        async with self._busy:
            cancelled = await self._act(Action.CANCEL)
            if cancelled:
                await self._lookout.until(at_rest, deadline_seconds=REST_SECONDS)
                await self.enqueue()
            return cancelled

    async def set_pace(self, changes: Mapping[str, int | None]) -> None:
        """Also for the runs that are begun later."""
        self._pace = self._pace.with_changes(dict(changes))
        with suppress(Unreachable, UnknownRun, WrongState):
            await self._control.set_pace(self._lookout.run_id, dict(changes), who="campaign")

    async def _act(self, action: Action) -> bool:
        """Whether there was a run to act on: it may have ended a moment ago."""
        try:
            await self._control.act(self._lookout.run_id, action, who="campaign")
        except (UnknownRun, WrongState):
            return False
        await self._lookout.look_once()
        return True

    async def _put_right(self) -> None:
        sight = await self._lookout.look_once()
        if self._lookout.forgotten:
            self._ledger.put_right["run that Redis had lost begun again"] += 1
            await self.enqueue()
        elif sight and sight.state is State.PAUSED and not self._wanted_paused:
            self._ledger.put_right[f"run resumed that was paused: {sight.error}"] += 1
            await self._act(Action.RESUME)
