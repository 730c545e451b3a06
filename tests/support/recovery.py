"""How long a run takes to get going again after something was broken."""

from __future__ import annotations

import sys
import time

from backfill.runs.states import DONE
from tests.support.watching import Watcher


class Recovery:
    """Times from a blow to the next row done."""

    def __init__(self, watcher: Watcher, run_id: str) -> None:
        self._watcher = watcher
        self._run_id = run_id
        self.seconds: list[float] = []

    async def rows_done(self) -> int:
        return (await self._watcher.run(self._run_id)).counts.rows_done

    async def goes_on(self, *, since: float, rows_before: int, deadline_seconds: float = 60.0) -> None:
        """Waits for progress beyond `rows_before`; `since` is the monotonic time of the blow."""
        await self._watcher.until(
            self._run_id,
            lambda run: run.counts.rows_done > rows_before or run.state in DONE,
            deadline_seconds=deadline_seconds,
        )
        self.seconds.append(time.monotonic() - since)

    def tell(self, blow: str) -> None:
        """To the test's output."""
        each = ", ".join(f"{seconds:.1f}" for seconds in self.seconds)
        sys.stdout.write(f"{blow}: went on after {each} s, longest {max(self.seconds):.1f} s\n")
