"""`arq worker.main.WorkerSettings`: the library's worker, for the backfills that the shop defines."""

from backfill.worker import WorkerSettings

__all__ = ["WorkerSettings"]
