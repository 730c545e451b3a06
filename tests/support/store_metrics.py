"""What the metrics of a backfill must say after any sequence of steps: the sum over all of its runs, each step once."""

from __future__ import annotations

from collections.abc import Collection

from redis.asyncio import Redis

from backfill.runs.states import DONE
from backfill.store.metrics import read_metrics
from tests.support.store_model import RunModel
from tests.support.store_worker import BATCH_MS


async def compare_metrics(redis: Redis, prefix: str, backfill: str, runs: Collection[RunModel]) -> None:
    (one,) = (await read_metrics(redis, prefix=prefix, queue=f"{prefix}:queue", backfills=[backfill])).backfills

    batches = sum(run.batches for run in runs)
    endings = [state for run in runs for state in run.endings]
    assert (one.rows_written, one.rows_passed) == (sum(run.written for run in runs), sum(run.rows_done for run in runs))
    assert (one.batches, one.batch_seconds) == (batches, round(batches * BATCH_MS / 1000, 3))
    assert dict(one.batch_buckets)["0.025"] == 0
    assert dict(one.batch_buckets)["0.05"] == batches
    assert one.runs_ended == {state: endings.count(state) for state in DONE}
    for run in runs:
        if run.state not in DONE:
            aside = [unit_id for known in run.ranges for unit_id in known.aside]
            assert one.run is not None
            assert (one.run.state, one.run.contended, one.run.quarantined) == (
                run.state,
                len(aside),
                len(run.quarantined),
            )
