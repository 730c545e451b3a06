"""How fast a run may go: what an operator sets and a worker reads back with every checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from worker.runs.errors import UsageError

BOUNDS = {"parallel": (1, 64), "batch_rows": (10, 100_000), "pause_ms": (0, 60_000)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """`parallel` ranges at once over all workers, `batch_rows` rows per transaction, `pause_ms` between batches."""

    parallel: int
    batch_rows: int
    pause_ms: int

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"{name} is {value}.", f"Give a whole number from {low} to {high}.")

    def document(self) -> dict[str, Any]:
        return asdict(self)
