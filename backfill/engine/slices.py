"""One turn of a worker's job: claim tasks of a run one after the other until the slice's time is up.

A slice decides nothing that must last: it can be killed at any point, and what it held is handed out
again when its lease expires.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from secrets import token_hex

import structlog

from backfill.engine.checking import check_range, finish
from backfill.engine.failover import Failovers
from backfill.engine.guard import failure_of, guarded
from backfill.engine.lease import Lease
from backfill.engine.protocols import Backfill, Claim, Doorbell, Store, Task
from backfill.engine.proving import wal_written
from backfill.engine.serving import Serving
from backfill.engine.settling import RangeSettler, Surroundings
from backfill.engine.tally import Tally
from backfill.runs.errors import InvalidParameters, OperatorError, RedisUnreachable, SchemaNotReady, Unreachable
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.ranges import ranges_wanted

WEATHER_FIRST_MS = 250
WEATHER_LONGEST_MS = 5_000
# To ask a server that cannot be reached costs it nothing, and once it is back every moment is lost.
UNREACHED_LONGEST_MS = 1_000
# For what comes after a stage of the run, of which others have the last ranges.
WAITS, WAIT_SECONDS = 5, 0.01
# The circuit breaker: so many failures in a row over all workers, and an operator has to look. A server that cannot
# be reached is waited for without end: it usually comes back, and nothing is lost meanwhile.
STRIKES_THAT_PAUSE = {Failure.SCHEMA: 1, Failure.SERVER: 8, Failure.ROW: 8, Failure.TIMEOUT: 8, Failure.BUG: 8}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """What every slice of this process shares. `slice_seconds` bounds one turn, `lease_seconds` a worker's silence,
    `call_seconds` a call into a definition. `bind` gives a backfill with the parameters of a run. `steady_ms` only
    ever goes on.

    `worker_id` is what this process is called among those that are alive; the leases that it holds begin with it.
    """

    store: Store
    doorbell: Doorbell
    bind: Callable[[str, str], Backfill]
    serving: Serving
    worker_id: str
    slice_seconds: float
    lease_seconds: float
    call_seconds: float
    steady_ms: Callable[[], int]
    random: random.Random
    failovers: Failovers | None = None

    async def work(self, run_id: str, should_stop: Callable[[], bool]) -> None:
        """Works on the run until nothing is free, the time is up or it should stop; then rings for the next slice."""
        began, tally, ending = time.monotonic(), Tally(), "broke off"
        deadline = began + self.slice_seconds
        around = Surroundings(
            now_ms=self.steady_ms,
            stopwatch=time.monotonic,
            random=self.random,
            should_end=lambda: should_stop() or time.monotonic() >= deadline,
        )
        address = await self.store.address_of(run_id)
        try:
            came_to_end = await self._not_for_this_worker(run_id, address)
            while came_to_end is None and not around.should_end():
                came_to_end = await self._one_task(run_id, around, tally)
            ending = came_to_end or ("worker stops" if should_stop() else "time is up")
        finally:
            seconds = round(time.monotonic() - began, 3)
            write = log.info if tally.tasks else log.debug  # a ring for what others have done already
            write("slice done", run=run_id, **tally.facts(), seconds=seconds, ended=ending)
        if came_to_end is None and address is not None:
            await self.doorbell.ring(address, run_id, 1)

    async def _not_for_this_worker(self, run_id: str, address: str | None) -> str | None:
        """Why the slice is not to begin. What is another's is rung for again: the queue shows it to that one alone."""
        if address is None:
            return "nothing is free"
        if self.serving.may_take(address):
            return None
        await self.doorbell.ring(address, run_id, 1)
        return "not served here"

    async def _one_task(self, run_id: str, around: Surroundings, tally: Tally) -> str | None:
        """None: another may follow; else why the slice is to end."""
        claim = await self._claim(run_id, tally)
        if claim is None:
            return tally.stopped_by or "nothing is free"
        begins_to_check = claim.task is Task.CHECK and claim.task.value not in tally.tasks
        tally.took_up(claim)
        around = self._by_the_clock_of_the_store(claim, around)
        async with Lease(self.store, claim, tally, lease_seconds=self.lease_seconds) as lease:
            try:
                if begins_to_check:
                    await self._ring_for_others(run_id)
                await self._perform(claim, lease, around)
                if claim.task is Task.PLAN:
                    await self._ring_for_others(run_id)
            except RedisUnreachable:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the run is not to stand still without a word
                failed = _as_failure(error)
                await self._strike(claim, lease, failed)
                return f"put off: {failed.failure.value}"
            finally:
                tally.stopped_by = lease.stopped_by
        return None

    async def _claim(self, run_id: str, tally: Tally) -> Claim | None:
        """Waits a moment where others are at the last ranges of a stage: a new slice for the next one begins later."""
        claim, waited = await self.store.claim(run_id, token=self._new_token()), 0
        while claim is None and waited < WAITS and tally.goes_on:
            await asyncio.sleep(WAIT_SECONDS)
            claim, waited = await self.store.claim(run_id, token=self._new_token()), waited + 1
        return claim

    def _new_token(self) -> str:
        return f"{self.worker_id}/{token_hex(8)}"

    async def _ring_for_others(self, run_id: str) -> None:
        """Ranges are free that were not a moment ago, and whoever found none has gone: before the reconciler rings, a
        short verification is over."""
        vacancies, address = await self.store.vacancies(run_id), await self.store.address_of(run_id)
        if vacancies and address is not None:
            await self.doorbell.ring(address, run_id, vacancies)

    def _by_the_clock_of_the_store(self, claim: Claim, around: Surroundings) -> Surroundings:
        """The one that all workers share: by a clock of its own that is wrong, or is set, a worker would put units off
        for hours."""
        claimed_at = self.steady_ms()
        return replace(around, now_ms=lambda: claim.at_ms + self.steady_ms() - claimed_at)

    async def _perform(self, claim: Claim, lease: Lease, around: Surroundings) -> None:
        if self.failovers is not None and claim.task in (Task.PLAN, Task.FINISH):
            # From before its first cursor a run knows its primary, and it does not end without a last look.
            await self.failovers.look(claim.run_id, claim.backfill)
        backfill = guarded(self.bind(claim.backfill, claim.terms.parameters), seconds=self.call_seconds)
        match claim.task:
            case Task.PLAN:
                ranges = ranges_wanted(claim.pace.parallel)
                plan = await backfill.plan(ranges)
                await self.store.save_plan(claim, replace(plan, wal_bytes=await wal_written(backfill)))
            case Task.SETTLE:
                await RangeSettler(backfill, claim, lease, around).run()
            case Task.CHECK:
                await check_range(backfill, claim, lease, around)
            case Task.FINISH:
                await finish(backfill, self.store, claim, lease)

    async def _strike(self, claim: Claim, lease: Lease, failed: BatchFailed) -> None:
        """Not this batch's fault: the task is taken up again after a while; if it stays so, the run is paused."""
        strikes = await lease.strike(failed.reason, pause_after=STRIKES_THAT_PAUSE.get(failed.failure, 0))
        unreached = failed.failure is Failure.CONNECTION
        longest_ms = UNREACHED_LONGEST_MS if unreached else WEATHER_LONGEST_MS
        ceiling = min(WEATHER_FIRST_MS * 2 ** min(strikes, 16), longest_ms)
        lease.put_off(round(self.random.uniform(0.5, 1.0) * ceiling), whole_run=unreached)
        log.warning(
            "task put off", run=claim.run_id, task=claim.task.value, failure=failed.failure.value, reason=failed.message
        )


def _as_failure(error: Exception) -> BatchFailed:
    """What a task ended with; of what is not made for an operator's eyes, the class and the place alone."""
    match error:
        case BatchFailed():
            return error
        case SchemaNotReady():
            return BatchFailed(Failure.SCHEMA, str(error), sqlstate=None)
        case InvalidParameters():
            reason = f"The run does not fit the definition that the worker has. {error.what}"
            return BatchFailed(Failure.SCHEMA, reason, sqlstate=None)
        case Unreachable():
            return BatchFailed(Failure.CONNECTION, str(error), sqlstate=None)
        case OperatorError():
            return BatchFailed(Failure.BUG, str(error), sqlstate=None)
        case _:
            return failure_of("the worker's own code", error, Failure.BUG)


async def reconcile(store: Store, doorbell: Doorbell, serving: Serving) -> None:
    """Rings for every task that is due and has no live lease: covers kill -9, lost jobs and dropped chains.

    One worker does it for all: also for the backfills that it leaves to others.
    """
    try:
        workers = await store.workers()
        served = {name for worker in workers for name in worker.backfills}
        for run_id in (await store.active_ids(sorted(served.union(serving.served)))).values():
            vacancies, address = await store.vacancies(run_id), await store.address_of(run_id)
            if address is None or not vacancies:
                continue
            # Rings that nobody answers would only fill the queue.
            if serving.takes(address) or any(worker.may_serve(address) for worker in workers):
                await doorbell.ring(address, run_id, vacancies)
    except RedisUnreachable as error:
        log.warning("reconciling postponed", reason=str(error))
