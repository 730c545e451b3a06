"""The workers that are alive: what each says of itself, and what the leases say that it holds.

A worker's record is its own word; what it works on is read from the leases alone, which carry the ids of their holders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backfill.runs.terms import FIRST_VERSION, backfill_at, is_plain, version_at
from backfill.runs.times import timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecord:
    """`version` is that of the distribution; `backfills` it serves; `not_served`: why it does not.

    `versions` are those of its definitions, by backfill. `started_ms` is of the worker's own clock. A worker that says
    no more than that it is alive, as older ones do, has neither version nor beginning.
    """

    id: str
    host: str
    pid: int
    version: str | None = None
    started_ms: int | None = None
    backfills: tuple[str, ...] = ()
    not_served: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def may_serve(self, address: str) -> bool:
        """Whether it takes runs that are rung for so. One that does not say what it serves is given the benefit of the
        doubt, but not with a run that its release cannot know what to do with."""
        backfill, plain = backfill_at(address), is_plain(address)
        if self.version is None:
            return plain
        said = self.versions.get(backfill, FIRST_VERSION if plain else None)
        return backfill in self.backfills and said == version_at(address)


def unspoken_record(worker_id: str) -> WorkerRecord:
    """What the id alone says."""
    host, _, rest = worker_id.rpartition(":")[0].rpartition(":")
    return WorkerRecord(id=worker_id, host=host, pid=int(rest) if rest.isdigit() else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTask:
    """A live lease: `task` is plan, settle, check or finish; `since_ms` when it was claimed, of the store's clock."""

    run_id: str
    backfill: str
    task: str
    range_index: int | None
    since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveWorker(WorkerRecord):
    """`beat_ms` is when it last said that it is alive, `seen_ms` when this was read, both of the store's clock."""

    holds: tuple[HeldTask, ...] = ()
    beat_ms: int
    seen_ms: int


def serving(workers: Sequence[WorkerRecord], address: str) -> int:
    """How many of them take up tasks of runs that are rung for so; a backfill's name: of its first version."""
    return sum(worker.may_serve(address) for worker in workers)


def of_other_versions(workers: Sequence[WorkerRecord], address: str) -> tuple[str, ...]:
    """Those that serve the backfill, but not such a run, each with why."""
    backfill = backfill_at(address)
    others = [one for one in workers if backfill in one.backfills and not one.may_serve(address)]
    return tuple(f"{one.host}:{one.pid} ({_version_of(one, backfill)})" for one in others)


def _version_of(worker: WorkerRecord, backfill: str) -> str:
    version = worker.versions.get(backfill)
    return "an older release" if version is None else f"version {version}"


def worker_document(worker: LiveWorker) -> dict[str, Any]:
    """The worker's JSON, the same wherever it is shown."""
    return {
        "id": worker.id,
        "host": worker.host,
        "pid": worker.pid,
        "version": worker.version,
        "started_at": timestamp(worker.started_ms),
        "beat_at": timestamp(worker.beat_ms),
        "backfills": list(worker.backfills),
        "not_served": dict(worker.not_served),
        "versions": dict(worker.versions),
        "holds": [_held_document(task, worker.seen_ms) for task in worker.holds],
    }


def _held_document(task: HeldTask, now_ms: int) -> dict[str, Any]:
    return {
        "run": task.run_id,
        "backfill": task.backfill,
        "task": task.task,
        "range": task.range_index,
        "since": timestamp(task.since_ms),
        "seconds": max(now_ms - task.since_ms, 0) / 1000,
    }
