"""The worker of the demo: started as an operator starts it, killed in the middle of the run, and replaced.

There is one worker at a time, so what goes on after the kill goes on because of what the dead one had saved.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic

from redis.asyncio import Redis

from backfill.cli.words import progress_of
from backfill.engine.control import Control
from backfill.queue import queue_name
from backfill.runs.errors import WaitTimedOut
from backfill.runs.record import Run
from backfill.runs.states import AT_REST
from backfill.store.client import told_plainly
from worker.demo.children import Child, Children
from worker.demo.narration import Narrator
from worker.demo.report import Takeover

PROGRAM = "arq worker.main.WorkerSettings"
LOOK_EVERY_SECONDS = 0.1
# Long enough to see that nothing moves.
WITHOUT_WORKER_SECONDS = 1.0
STANDSTILL_SECONDS = 120.0


@dataclass(slots=True, kw_only=True)
class Workshop:
    """Keeps one worker at work on a run; `kill_at` is the share of the rows at which it is killed, or None."""

    children: Children
    control: Control
    narrator: Narrator
    kill_at: float | None
    worker: Child | None = None

    async def open(self, redis: Redis, prefix: str) -> None:
        """Starts the worker; returns when it is ready for work. RunFailed when it ends instead."""
        worker = await self._start_worker()
        ready = False
        while not ready:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            await worker.must_run()
            with told_plainly():
                ready = bool(await redis.exists(f"{queue_name(prefix)}:health-check"))

    async def attend(self, run_id: str) -> Takeover | None:
        """Until the run is at rest. RunFailed when the worker ends by itself, WaitTimedOut when nothing moves."""
        takeover = None
        while (run := await self.control.get(run_id)).state not in AT_REST:
            if self.worker is not None:
                await self.worker.must_run()
            if run.seen_ms - run.updated_ms > STANDSTILL_SECONDS * 1000:
                raise WaitTimedOut(f"The run has not moved for {STANDSTILL_SECONDS:.0f} s.", "Look: backfill status.")
            if takeover is None and self._is_time_to_kill(run):
                takeover = await self._kill_and_replace(run_id)
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        return takeover

    def _is_time_to_kill(self, run: Run) -> bool:
        share = progress_of(run)["fraction"]
        return self.kill_at is not None and share is not None and share >= self.kill_at

    async def _kill_and_replace(self, run_id: str) -> Takeover | None:
        assert self.worker is not None  # noqa: S101 - somebody has brought the run this far
        self.narrator.command(f"kill -9 {self.worker.pid}", "the only worker")
        killed_at = monotonic()
        await self.worker.kill()
        left = await self.control.get(run_id)
        await asyncio.sleep(WITHOUT_WORKER_SECONDS)
        worker = await self._start_worker()
        while not _has_moved(await self.control.get(run_id), left):
            await worker.must_run()
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        seconds = monotonic() - killed_at
        self.narrator.say(f"Went on from its cursors {seconds:.1f} s after the kill.", style="green")
        return Takeover(rows_done=left.counts.rows_done, fraction=progress_of(left)["fraction"], seconds=seconds)

    async def _start_worker(self) -> Child:
        self.worker = await self.children.start(PROGRAM)
        self.narrator.command(f"{PROGRAM} &", f"process {self.worker.pid}")
        return self.worker


def _has_moved(run: Run, left: Run) -> bool:
    done, before = run.counts.rows_done, left.counts.rows_done
    return done > before or run.units_checked > left.units_checked or run.state is not left.state
