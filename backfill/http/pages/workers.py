"""What the page of workers says of each: how long it is up, and what it holds in words."""

from __future__ import annotations

from dataclasses import dataclass

from backfill.runs.workers import HeldTask, LiveWorker

_DOES = {
    "plan": "plans it",
    "settle": "settles range {range}",
    "check": "verifies range {range}",
    "finish": "brings it to its end",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldView:
    run_id: str
    does: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """`up_seconds` by two clocks, its own and the store's; None where it does not say. `silent_seconds`: since it last
    said that it is alive."""

    worker: LiveWorker
    up_seconds: float | None
    silent_seconds: float
    holds: list[HeldView]


def worker_view_of(worker: LiveWorker) -> WorkerView:
    return WorkerView(
        worker=worker,
        up_seconds=None if worker.started_ms is None else max(worker.seen_ms - worker.started_ms, 0) / 1000,
        silent_seconds=max(worker.seen_ms - worker.beat_ms, 0) / 1000,
        holds=[_held(task, worker.seen_ms) for task in worker.holds],
    )


def _held(task: HeldTask, now_ms: int) -> HeldView:
    does = _DOES.get(task.task, task.task).format(range=task.range_index)
    return HeldView(run_id=task.run_id, does=does, seconds=max(now_ms - task.since_ms, 0) / 1000)
