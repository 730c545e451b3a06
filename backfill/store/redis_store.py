"""The store on Redis: every change is one Lua script, every read one transaction of plain reads.

Redis is where a run is remembered, not where the truth is: all of it can be lost and the data still
says what is left to do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from secrets import token_hex
from typing import cast

from redis.asyncio import Redis

from backfill.engine.protocols import ActionTaken, Advance, Claim, Created, Event, Task, Totals
from backfill.runs.coverage import Passage, Proof
from backfill.runs.errors import UnknownRun, UsageError
from backfill.runs.findings import Finding
from backfill.runs.pace import FIXED, Pace
from backfill.runs.ranges import Plan, RangeState
from backfill.runs.record import Run
from backfill.runs.schedule import Schedule
from backfill.runs.states import Action, State
from backfill.runs.terms import SCHEDULED, Terms, backfill_at
from backfill.runs.verdict import Verdict
from backfill.runs.workers import LiveWorker, WorkerRecord
from backfill.store import codec
from backfill.store.client import told_plainly
from backfill.store.limits import DEFAULT_LIMITS, StoreLimits
from backfill.store.metrics import BATCH_BOUNDS_JSON
from backfill.store.passage import read_passage
from backfill.store.scripts import Scripts
from backfill.store.workers import read_workers, record_of

DAY_MS = 86_400_000


class RedisStore:
    """`redis` must decode responses; `lease_seconds` is how long a silent worker keeps a task."""

    def __init__(
        self,
        redis: Redis,
        *,
        prefix: str,
        lease_seconds: float,
        limits: StoreLimits = DEFAULT_LIMITS,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._limits = limits
        self._redis = redis
        self._prefix = prefix
        self._lease_ms = round(lease_seconds * 1000)
        self._clock = clock
        self._scripts = Scripts(redis, prefix, clock)

    async def create(  # noqa: PLR0913 - the parts of a request
        self,
        backfill: str,
        pace: Pace,
        *,
        requested_by: str,
        idempotency_key: str | None,
        note: str = "",
        terms: Terms | None = None,
        needs_approval: bool = False,
        schedule: Schedule | None = None,
    ) -> Created:
        terms = terms or Terms()
        arguments = (backfill, codec.dump_pace(pace), requested_by, idempotency_key or "", note)
        run_id, outcome = await self._scripts.run_to_last(
            "create",
            token_hex(6),
            *arguments,
            terms.address(backfill, plain_pace=pace.mode == FIXED, scheduled=bool(schedule)),
            terms.version,
            terms.parameters,
            (State.PROPOSED if needs_approval else State.QUEUED).value,
            *codec.dump_schedule(schedule, await self._now_ms() if schedule else 0),
            " ".join(self._limits.readers),
            terms.database,
        )
        if outcome == "new" and self._limits.keep_days:
            await self._scripts.run("forget", "", self._limits.keep_days * DAY_MS)
        return Created(run_id=run_id, is_new=outcome == "new", is_repeated=outcome == "repeated")

    async def get(self, run_id: str) -> Run | None:
        with told_plainly():
            return await self._read(run_id)

    async def _read(self, run_id: str) -> Run | None:
        key = self._run_key(run_id)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(key)
            pipe.hgetall(f"{key}:leases")
            pipe.hvals(f"{key}:put_aside")
            pipe.hvals(f"{key}:quarantined")
            pipe.lrange(f"{key}:samples", 0, -1)
            pipe.lrange(f"{key}:notes", 0, -1)
            pipe.time()
            record, leases, put_aside, quarantined, samples, notes, (seconds, micros) = await pipe.execute()
        if not record:
            return None
        seen_ms = self._clock() if self._clock else seconds * 1000 + micros // 1000
        stages, workers = await self._stages_and_workers(key, int(record.get("ranges", 0)), seen_ms)
        texts = codec.RunTexts(
            record=record,
            stages=stages,
            leases=leases,
            put_aside=put_aside,
            quarantined=quarantined,
            samples=samples,
            notes=notes,
        )
        return codec.load_run(
            texts, seen_ms=seen_ms, workers=workers, patience_ms=round(self._limits.patience_seconds * 1000)
        )

    async def _stages_and_workers(self, key: str, ranges: int, seen_ms: int) -> tuple[list[str], list[WorkerRecord]]:
        async with self._redis.pipeline(transaction=True) as pipe:
            for index in range(ranges):
                pipe.hget(f"{key}:range:{index}", "stage")
            pipe.zrangebyscore(f"{self._prefix}:workers", f"({seen_ms}", "+inf")
            pipe.hgetall(f"{self._prefix}:worker_records")
            *stages, alive, texts = await pipe.execute()
        stages = [stage or RangeState.OPEN for stage in stages]  # one that is gone is found at the end of the run
        return stages, [record_of(worker_id, texts.get(worker_id)) for worker_id in alive]

    async def recent_ids(self, limit: int, *, after: str | None = None) -> tuple[str, ...] | None:
        key, first = f"{self._prefix}:runs", 0
        with told_plainly():
            if after is not None:
                rank = await cast("Awaitable[int | None]", self._redis.zrevrank(key, after))
                if rank is None:
                    return None
                first = rank + 1
            return tuple(await self._redis.zrevrange(key, first, first + limit - 1))

    async def address_of(self, run_id: str) -> str | None:
        with told_plainly():
            return await cast("Awaitable[str | None]", self._redis.hget(self._run_key(run_id), "backfill"))

    async def active_ids(self, backfills: Sequence[str]) -> Mapping[str, str]:
        if not backfills:
            return {}
        with told_plainly():
            ids = await self._redis.mget([f"{self._prefix}:active:{name}" for name in backfills])
        return {name: run_id for name, run_id in zip(backfills, ids, strict=True) if run_id}

    async def act(self, run_id: str, action: Action, *, who: str, note: str = "") -> ActionTaken:
        taken, state, blocked_by = await self._scripts.run_to_last("act", run_id, action.value, who, note)
        if not state:
            raise UnknownRun(f"There is no run {run_id!r}.")
        return ActionTaken(taken=bool(taken), state=State(state), blocked_by=blocked_by or None)

    async def note(self, run_id: str, action: str, *, who: str, note: str) -> None:
        await self._scripts.run("note", run_id, action, who, note)

    async def set_pace(self, run_id: str, pace: Pace, *, who: str, note: str = "") -> bool:
        return bool(await self._scripts.run_to_last("set_pace", run_id, codec.dump_pace(pace), who, note))

    async def set_schedule(self, run_id: str, schedule: Schedule, *, who: str, note: str = "") -> bool:
        """`who` empty: it is the same, and only what follows from it is looked up anew. Raises UsageError."""
        told = codec.dump_schedule(schedule, await self._now_ms())
        return bool(await self._scripts.run_to_last("set_schedule", run_id, *told, who, note, SCHEDULED))

    async def _now_ms(self) -> int:
        if self._clock:
            return self._clock()
        with told_plainly():
            seconds, micros = await self._redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    async def workers(self) -> tuple[LiveWorker, ...]:
        return await read_workers(self._redis, prefix=self._prefix, clock=self._clock)

    async def claim(self, run_id: str, *, token: str) -> Claim | None:
        task, index, state, pace, leased, open_ms = await self._scripts.run("claim", run_id, token, self._lease_ms)
        if task == "nothing":
            return None
        key = self._run_key(run_id)
        with told_plainly():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hmget(key, ["backfill", "batch_size", "version", "parameters", "database"])
                pipe.hgetall(f"{key}:range:{index}")
                pipe.hvals(f"{key}:put_aside")
                (address, batch_size, *terms), fields, put_aside = await pipe.execute()
        return Claim(
            run_id=run_id,
            backfill=backfill_at(address),
            terms=codec.load_terms(*terms),
            task=Task(task),
            token=leased,
            at_ms=int(leased.rpartition("/")[2]),
            pace=codec.load_pace(pace),
            range_index=index,
            span=codec.load_span(fields) if fields else None,
            cursor=codec.load_key(fields.get("check_cursor" if task == Task.CHECK else "cursor")),
            part=codec.load_part(fields.get("part")),
            sequence=int(fields.get("sequence", 0)),
            totals=codec.load_totals(fields),
            batch_size=codec.load_batch_size(batch_size),
            winding_up=state == State.CANCELLING,
            open_ms=int(open_ms),
            put_aside=tuple(unit for unit in codec.load_put_aside(put_aside) if unit.range_index == index),
        )

    async def renew(self, claim: Claim) -> tuple[bool, State]:
        arguments = (_task_name(claim), claim.token, self._lease_ms)
        held, state = await self._scripts.run("renew", claim.run_id, *arguments)
        return bool(held), _state(state)

    async def save_plan(self, claim: Claim, plan: Plan) -> bool:
        totals = (plan.units_total, plan.rows_total, int(plan.total_is_estimate), codec.dump_optional(plan.wal_bytes))
        spans = [text for span in plan.spans for text in (codec.dump_key(span.start), codec.dump_key(span.end))]
        return bool(await self._scripts.run("save_plan", claim.run_id, claim.token, *totals, *spans))

    async def checkpoint(self, claim: Claim, sequence: int, advance: Advance, totals: Totals) -> Verdict:
        lease = (claim.range_index, claim.token, self._lease_ms)
        moved = (sequence, codec.dump_advance(advance, totals), str(self._limits.quarantine_share), BATCH_BOUNDS_JSON)
        held, state, pace, wait_ms, stopped_by, duty, open_ms, batch_ms = await self._scripts.run(
            "checkpoint", claim.run_id, *lease, *moved
        )
        return Verdict(
            held=bool(held),
            state=_state(state),
            pace=codec.load_pace(pace) if pace else claim.pace,
            wait_ms=int(wait_ms),
            stopped_by=stopped_by,
            duty=float(duty),
            open_ms=int(open_ms),
            batch_ms=int(batch_ms) if batch_ms else None,
        )

    async def strike(self, claim: Claim, reason: str, *, pause_after: int) -> int:
        arguments = (_task_name(claim), claim.token, reason, pause_after)
        return int(await self._scripts.run("strike", claim.run_id, *arguments))

    async def release(self, claim: Claim, *, due_in_ms: int = 0, whole_run: bool = False) -> None:
        arguments = (_task_name(claim), claim.token, due_in_ms, int(whole_run))
        await self._scripts.run("release", claim.run_id, *arguments)

    async def findings(self, claim: Claim) -> tuple[Finding, ...]:
        key = f"{self._run_key(claim.run_id)}:findings"
        with told_plainly():
            return codec.load_findings(await cast("Awaitable[list[str]]", self._redis.lrange(key, 0, -1)))

    async def reopened(self, claim: Claim) -> int:
        key = self._run_key(claim.run_id)
        with told_plainly():
            return int(await cast("Awaitable[str | None]", self._redis.hget(key, "reopened")) or 0)

    async def finish(
        self, claim: Claim, action: Action, findings: Sequence[Finding], error: str | None, proof: Proof | None = None
    ) -> bool:
        arguments = (_task_name(claim), claim.token, action.value, codec.dump_findings(findings), error or "")
        return bool(await self._scripts.run("finish", claim.run_id, *arguments, proof.text() if proof else ""))

    async def passage(self, run_id: str) -> Passage:
        with told_plainly():
            return await read_passage(self._redis, self._run_key(run_id))

    async def vacancies(self, run_id: str) -> int:
        long_ms = round(self._limits.throttled_seconds * 1000)
        found = int(await self._scripts.run("vacancies", run_id, long_ms))
        if found >= 0:
            return found
        run = await self.get(run_id)
        try:
            if run is not None:
                await self.set_schedule(run_id, run.schedule, who="")
        except UsageError as error:  # a time zone that this machine does not know: others may
            import structlog  # noqa: PLC0415 - commands that only look do not load it

            structlog.get_logger(__name__).warning("window not looked up", run=run_id, reason=str(error))
        return max(int(await self._scripts.run("vacancies", run_id, long_ms)), 0)

    async def events(self, run_id: str, *, after: str = "0", limit: int = 1000) -> tuple[Event, ...]:
        with told_plainly():
            entries = await self._redis.xrange(f"{self._run_key(run_id)}:events", min=f"({after}", count=limit)
        return tuple(codec.load_event(entry_id, fields) for entry_id, fields in entries)

    def _run_key(self, run_id: str) -> str:
        return f"{self._prefix}:run:{run_id}"


def _state(text: str) -> State:
    # A run that Redis has lost is nobody's any more: whoever still works on it is to stop.
    return State(text) if text else State.CANCELLED


def _task_name(claim: Claim) -> str:
    return str(claim.range_index) if claim.range_index >= 0 else claim.task.value
