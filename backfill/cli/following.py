"""Follows a run by asking again and again until it is where it was waited for; a Redis that is away for a moment is
waited for too. What an end says, and which exit code it has, is the same for everybody who follows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from backfill.cli.output import say
from backfill.cli.words import warning
from backfill.engine.steering import Steering
from backfill.runs.attention import Kind, attention_of
from backfill.runs.errors import RedisUnreachable, RunFailed
from backfill.runs.outlook import next_of, why_at_rest
from backfill.runs.record import Run
from backfill.runs.states import AT_REST, WORKING, State

POLL_SECONDS = 0.3
PATIENCE_SECONDS = 30.0
_OVER = {Kind.NO_WORKER: "A worker is alive again.", Kind.STALLED: "It moves again."}


async def follow(
    control: Steering, run_id: str | None, *, until: Callable[[Run], bool], show: Callable[[Run], None]
) -> Run:
    """Gives the run to `show` every few tenths of a second, and returns it when `until` says so or it is at rest.

    Raises UnknownRun, and RedisUnreachable where Redis stays away.
    """
    run = await control.get(run_id)
    show(run)
    while not until(run) and run.state not in AT_REST:
        await asyncio.sleep(POLL_SECONDS)
        run = await _get_patiently(control, run.id)
        show(run)
    return run


def judge(run: Run) -> None:
    """RunFailed for a run that rests without having succeeded, so that no script goes on after it."""
    if run.state in AT_REST and run.state is not State.SUCCEEDED:
        raise RunFailed(why_at_rest(run), next_of(run) or "")


@dataclass(slots=True)
class Changing:
    """What needs attention, told once when it begins and once when it is over; else nothing is said."""

    _kind: Kind | None = field(default=None, init=False)

    def told(self, run: Run) -> str:
        attention = attention_of(run)
        before, self._kind = self._kind, attention.kind if attention else None
        if before is self._kind:
            return ""
        if attention is None and before is not None:
            return "" if run.state in AT_REST else _OVER[before]
        return warning(run)


@dataclass(slots=True)
class Whereabouts:
    """Where the run that is followed was seen last, for whoever stops to follow it."""

    _run: Run | None = field(default=None, init=False)

    def saw(self, run: Run) -> None:
        self._run = run

    def stopped_watching(self) -> str:
        return f"Stopped watching; {self.words()}. To stop it: backfill pause"

    def words(self) -> str:
        run = self._run
        if run is None:
            return "the run is as it was"
        attention = attention_of(run)
        if attention is not None and attention.kind is Kind.NO_WORKER:
            return f"the run is {run.state} and waits for a worker"
        return "the run goes on" if run.state in WORKING else f"the run is {run.state}"


async def _get_patiently(control: Steering, run_id: str) -> Run:
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
