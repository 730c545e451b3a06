"""What the metrics of a backfill must say after any sequence of steps: the sum over all of its runs, each step once."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from redis.asyncio import Redis

from backfill.runs.notices import QUARANTINED, THROTTLED
from backfill.runs.states import DONE
from backfill.store.metrics import read_metrics
from backfill.store.redis_store import RedisStore
from tests.support.store_model import BACKFILL, RunModel
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


async def compare_outbox(redis: Redis, prefix: str, store: RedisStore, runs: Iterable[str]) -> None:
    """Every transition is in the outbox, once and in order, whoever made it."""
    entries = [fields for _, fields in await redis.xrange(f"{prefix}:outbox:{BACKFILL}")]
    for run_id in runs:
        events = [event.about for event in await store.events(run_id) if event.kind == "state"]
        put_out = [
            (one["action"], one["from"], one["state"])
            for one in entries
            if one["run"] == run_id and one["action"] not in (THROTTLED, QUARANTINED)
        ]
        assert put_out == [(event["action"], event["from"], event["state"]) for event in events]


async def compare_run(store: RedisStore, run_id: str, model: RunModel) -> None:
    run = await store.get(run_id)
    assert run is not None
    assert (run.state, run.terms) == (model.state, model.terms)
    assert (run.counts.units_done, run.counts.rows_done, run.counts.rows_written) == model.counts
    assert {unit.unit_id for unit in run.quarantined} == set(model.quarantined)
    assert {unit.unit_id for unit in run.contended} == {u for known in model.ranges for u in known.aside}
    assert (run.finished_ms is not None) == (run.state in DONE)
