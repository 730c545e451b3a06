"""The backfill's own transactions, called one by one: for tests that need what they do, and no worker around them."""

from __future__ import annotations

from tests.support.waiting import wait_until
from worker.database import open_engine
from worker.generations.backfill import FIRST_KEY, GenerationVersions
from worker.generations.transactions import Limits
from worker.runs.failures import BatchFailed, Failure
from worker.runs.ranges import Key, Unit

LARGE_ROWS, PART_ROWS = 60, 25
_MOST_UNITS = 100_000
_LAST_KEY: Key = ("infinity", "")
_LIMITS = Limits(
    lock_timeout_ms=500, statement_timeout_ms=5000, scan_timeout_ms=30_000, idle_in_transaction_timeout_ms=5000
)


async def settle_everything(database_url: str) -> None:
    """Project by project, those of more than LARGE_ROWS in parts, until none is left; under traffic too."""
    engine = open_engine(database_url, application_name="backfill-worker")
    backfill = GenerationVersions(engine, _LIMITS)

    async def nothing_is_left() -> bool:
        page = await backfill.read_page(FIRST_KEY, _LAST_KEY, units=_MOST_UNITS, row_cap=LARGE_ROWS)
        left = [unit for unit in page if not unit.settled]
        for unit in left:
            await _settle(backfill, unit)
        return not left

    try:
        await wait_until(nothing_is_left, 60)
    finally:
        await engine.dispose()


async def _settle(backfill: GenerationVersions, unit: Unit) -> None:
    try:
        if not unit.capped:
            await backfill.settle([unit.id])
            return
        part = await backfill.settle_part(unit.id, None, rows=PART_ROWS)
        while not part.finished:
            part = await backfill.settle_part(unit.id, part.mark, rows=PART_ROWS)
    except BatchFailed as failed:
        if failed.failure is not Failure.CONTENTION:
            raise
