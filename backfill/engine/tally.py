"""What one slice did, added up for its one line in the log: batches are too many for a line each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from backfill.engine.lookahead import Ahead
from backfill.engine.protocols import Advance, Claim, Task
from backfill.runs.pace import BatchSize


@dataclass(slots=True, kw_only=True)
class Tally:
    """A slice may take up several tasks of its run, one after the other. Rows are those that the cursors passed.

    `stopped_by` says why the last of the tasks could not go on, if it could not; `batch_size`, `page_size` (of a
    verification) and `look_ahead` are what it came to.
    """

    backfill: str = ""
    tasks: list[str] = field(default_factory=list)
    ranges: list[int] = field(default_factory=list)
    rows: int = 0
    written: int = 0
    checked: int = 0
    batches: int = 0
    contended: set[str] = field(default_factory=set)
    quarantined: set[str] = field(default_factory=set)
    stopped_by: str | None = None
    batch_size: BatchSize | None = None
    page_size: BatchSize | None = None
    look_ahead: Ahead | None = None

    @property
    def goes_on(self) -> bool:
        """It has worked, and what it worked on is not over."""
        return bool(self.tasks) and self.stopped_by is None and Task.FINISH.value not in self.tasks

    def took_up(self, claim: Claim) -> None:
        self.backfill = claim.backfill
        if claim.task.value not in self.tasks:
            self.tasks.append(claim.task.value)
        if claim.range_index >= 0 and claim.range_index not in self.ranges:
            self.ranges.append(claim.range_index)

    def moved(self, advance: Advance) -> None:
        self.rows += advance.rows
        self.written += advance.written
        self.checked += advance.checked
        self.batches += len(advance.batches_ms)
        self.contended |= {unit.unit_id for unit in advance.put_aside}
        self.batch_size = advance.batch_size or self.batch_size
        self.quarantined |= {unit.unit_id for unit in advance.quarantined}

    def facts(self) -> dict[str, Any]:
        return {
            "backfill": self.backfill,
            "task": "+".join(self.tasks),
            "range": self.ranges,
            "rows": self.rows,
            "written": self.written,
            "checked": self.checked,
            "batches": self.batches,
            "contended": len(self.contended),
            "quarantined": len(self.quarantined),
        }
