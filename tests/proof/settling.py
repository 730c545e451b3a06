"""The backfill's own transactions, called one by one: for tests that need what they do, and no worker around them."""

from __future__ import annotations

from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.ranges import Key, Unit
from backfill.sql.database import open_engine
from backfill.sql.transactions import Limits
from tests.support.waiting import wait_until
from worker.generations.backfill import FIRST_KEY, GenerationVersions

LARGE_ROWS, PART_ROWS = 60, 25
_MOST_UNITS = 100_000
_LAST_KEY: Key = ("infinity", "")
_LIMITS = Limits(
    lock_timeout_ms=500, statement_timeout_ms=5000, scan_timeout_ms=30_000, idle_in_transaction_timeout_ms=5000
)


async def settle_everything(database_url: str) -> None:
    """Project by project, those of more than LARGE_ROWS in parts, contended ones again; under traffic too."""
    engine = open_engine(database_url, application_name="backfill-worker")
    backfill = GenerationVersions(engine, _LIMITS)
    page = await backfill.read_page(FIRST_KEY, _LAST_KEY, units=_MOST_UNITS, row_cap=LARGE_ROWS)
    left = {unit.id for unit in page if unit.needs_work}

    async def nothing_is_left() -> bool:
        units = await backfill.read_units(left, row_cap=LARGE_ROWS)
        left.intersection_update([unit.id for unit in units if not await _settle(backfill, unit)])
        return not left

    try:
        await wait_until(nothing_is_left, 60)
    finally:
        await engine.dispose()


async def _settle(backfill: GenerationVersions, unit: Unit) -> bool:
    """Whether live traffic let it."""
    try:
        if not unit.capped:
            return not (await backfill.settle([unit.id])).contended
        part = await backfill.settle_part(unit.id, None, rows=PART_ROWS)
        while not part.finished:
            part = await backfill.settle_part(unit.id, part.mark, rows=PART_ROWS)
    except BatchFailed as failed:
        if failed.failure is not Failure.CONTENTION:
            raise
        return False
    return True
