"""What a backfill has done over all its runs, read from Redis alone: right with any number of workers and services.

The counters are a hash per backfill, moved by the same Lua steps that move cursors and states; they outlive every run.
What is true of the present run (the active one, or else the last) is read from the run itself. However many runs there
are, one reading is two transactions of a few commands for each backfill.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from backfill.runs.schedule import Schedule
from backfill.runs.states import DONE, WORKING, State
from backfill.store.client import told_plainly
from backfill.store.codec import load_schedule

# Seconds, around the 50 ms that a batch is to take; up to the longest statement that the settings allow by default.
BATCH_BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0")
BATCH_BOUNDS_JSON = json.dumps(BATCH_BOUNDS)
INFINITE = "+Inf"
THROTTLE_REASONS = ("failures", "rows_per_second")
"""Shown from the beginning; another one appears with its first wait."""

_BUCKET, _THROTTLED, _ENDED = "batch_le:", "throttled_ms:", "ended:"
_RUN_FIELDS = ["state", "rows_done", "rows_total", "units_done", "units_total"]
_TIMES = ["window", "not_before_ms", "phases"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentRun:
    """The active run, or else the last. What remains is None unless the run is active and planned."""

    state: State
    remaining_rows: int | None
    remaining_units: int | None
    contended: int
    quarantined: int
    outside_window: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillMetrics:
    """`batch_buckets` are (upper bound in seconds, batches that took no longer), ascending, the last one `+Inf`.

    `last_progress_seconds` is epoch seconds of Redis' clock; 0 when nothing has ever moved.
    """

    backfill: str
    rows_written: int
    rows_passed: int
    batch_buckets: tuple[tuple[str, int], ...]
    batch_seconds: float
    throttled_seconds: Mapping[str, float]
    runs_ended: Mapping[State, int]
    last_progress_seconds: float
    run: PresentRun | None

    @property
    def batches(self) -> int:
        return self.batch_buckets[-1][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    backfills: tuple[BackfillMetrics, ...]
    queue_depth: int
    workers_alive: int


async def read_metrics(redis: Redis, *, prefix: str, queue: str, backfills: Sequence[str]) -> Metrics:
    """`redis` must decode responses; `queue` is the key of arq's queue. Raises RedisUnreachable."""
    with told_plainly():
        async with redis.pipeline(transaction=True) as pipe:
            pipe.time()
            pipe.zcard(queue)
            for name in backfills:
                pipe.hgetall(f"{prefix}:metrics:{name}")
            (seconds, micros), queue_depth, *counters = await pipe.execute()
        async with redis.pipeline(transaction=True) as pipe:
            pipe.zcount(f"{prefix}:workers", seconds * 1000 + micros // 1000, "+inf")
            for counted in counters:
                run_key = f"{prefix}:run:{counted.get('run', '')}"
                pipe.hmget(run_key, _RUN_FIELDS)
                pipe.hlen(f"{run_key}:put_aside")
                pipe.hlen(f"{run_key}:quarantined")
                pipe.hmget(run_key, _TIMES)
            workers_alive, *runs = await pipe.execute()
    now_ms = seconds * 1000 + micros // 1000
    return Metrics(
        backfills=tuple(
            _backfill_metrics(name, counted, _present_run(*runs[4 * place : 4 * place + 4], now_ms=now_ms))
            for place, (name, counted) in enumerate(zip(backfills, counters, strict=True))
        ),
        queue_depth=queue_depth,
        workers_alive=workers_alive,
    )


def _backfill_metrics(name: str, counted: Mapping[str, str], run: PresentRun | None) -> BackfillMetrics:
    throttled = dict.fromkeys(THROTTLE_REASONS, 0.0) | {
        reason: ms / 1000 for reason, ms in _those_named(counted, _THROTTLED).items()
    }
    return BackfillMetrics(
        backfill=name,
        rows_written=int(counted.get("rows_written", 0)),
        rows_passed=int(counted.get("rows_passed", 0)),
        batch_buckets=_cumulative(_those_named(counted, _BUCKET)),
        batch_seconds=int(counted.get("batch_us", 0)) / 1_000_000,
        throttled_seconds=throttled,
        runs_ended={state: int(counted.get(f"{_ENDED}{state.value}", 0)) for state in sorted(DONE)},
        last_progress_seconds=int(counted.get("last_progress_ms", 0)) / 1000,
        run=run,
    )


def _present_run(
    fields: Sequence[str | None], contended: int, quarantined: int, times: Sequence[str | None], *, now_ms: int
) -> PresentRun | None:
    state, rows_done, rows_total, units_done, units_total = fields
    if state is None:
        return None
    active = State(state) not in DONE
    return PresentRun(
        state=State(state),
        remaining_rows=_remaining(rows_total, rows_done) if active else None,
        remaining_units=_remaining(units_total, units_done) if active else None,
        contended=contended,
        quarantined=quarantined,
        outside_window=State(state) in WORKING and not _schedule(times).is_open(now_ms),
    )


def _schedule(times: Sequence[str | None]) -> Schedule:
    return load_schedule({name: value for name, value in zip(_TIMES, times, strict=True) if value is not None})


def _remaining(total: str | None, done: str | None) -> int | None:
    # The total was counted when the run was planned; what came since is passed as well.
    return None if total is None or done is None else max(int(total) - int(done), 0)


def _cumulative(buckets: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """By upper bound. A bound of another version that Redis still has stays a bucket, so that no count ever falls."""
    bounds = sorted({*BATCH_BOUNDS, INFINITE, *buckets}, key=float)
    below = 0
    summed = []
    for bound in bounds:
        below += buckets.get(bound, 0)
        summed.append((bound, below))
    return tuple(summed)


def _those_named(counted: Mapping[str, Any], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): int(value) for name, value in counted.items() if name.startswith(prefix)}
