"""`arq worker.main.WorkerSettings`: the library's worker, for the backfills that this service defines."""

from typing import Any

import backfill.worker


def __getattr__(name: str) -> Any:
    """Built when arq asks for it, and not where somebody imports this."""
    return getattr(backfill.worker, name)
