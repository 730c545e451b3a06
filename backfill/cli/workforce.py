"""What there is to say of the workers together: whether any is alive, their versions, and what they do not serve."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from backfill.cli.checks import Asked, Level
from backfill.release import own_version
from backfill.runs.terms import FIRST_VERSION
from backfill.runs.wording import counted
from backfill.runs.workers import LiveWorker
from backfill.shipped import start_a_worker
from backfill.wiring import Service

NAMED = 3


async def look_at_workers(service: Service) -> Asked:
    workers = await service.control.workers()
    if not workers:
        return Level.WARNING, f"none is alive; start one: {start_a_worker()}"
    words = f"{counted(len(workers), 'worker')} alive on {counted(len({worker.host for worker in workers}), 'host')}"
    known = service.control.known
    troubles = [*_versions(workers), *_unserved(workers, known.bound), *_other_definitions(workers, known.versions())]
    level = Level.WARNING if troubles else Level.OK
    return level, "; ".join([words, *troubles])


def _versions(workers: Sequence[LiveWorker]) -> Iterator[str]:
    versions = Counter(worker.version or "one that does not say so" for worker in workers)
    if len(versions) > 1:
        listed = ", ".join(f"{version} ({counted(count, 'worker')})" for version, count in sorted(versions.items()))
        yield f"their versions differ: {listed}; this command is {own_version()}. Restart those that are behind"
    elif own_version() not in versions:
        yield f"their version is {next(iter(versions))}, and this command is {own_version()}"


def _unserved(workers: Sequence[LiveWorker], backfills: Collection[str]) -> Iterator[str]:
    """By backfill and reason, because a reason is mostly the database's and so the same for all workers."""
    refusing: defaultdict[tuple[str, str], list[LiveWorker]] = defaultdict(list)
    for worker in workers:
        for name, reason in worker.not_served.items():
            refusing[name, reason].append(worker)
    for (name, reason), refusers in sorted(refusing.items()):
        yield f"{name} is not served by {_named(refusers)}: {reason.rstrip('.')}"
    told = {name for name, _ in refusing}
    for name in backfills:
        if name not in told and not any(worker.version is None or name in worker.backfills for worker in workers):
            yield f"{name} is served by none of them: start one that knows it"


def _other_definitions(workers: Sequence[LiveWorker], versions: Mapping[str, str]) -> Iterator[str]:
    """A run is of one version of its definition; workers of another one leave it alone."""
    for name, version in versions.items():
        others: defaultdict[str, list[LiveWorker]] = defaultdict(list)
        for worker in workers:
            if name in worker.backfills and worker.versions.get(name, FIRST_VERSION) != version:
                others[worker.versions.get(name, FIRST_VERSION)].append(worker)
        for other, having in sorted(others.items()):
            yield f"{name} is of version {other} in {_named(having)}, and of version {version} here"


def _named(workers: Sequence[LiveWorker]) -> str:
    names = [f"{worker.host}:{worker.pid}" for worker in workers]
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
