"""Units that are put aside: taken up again in batches, bisected where one fails, and by the one clock of the store."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from backfill.runs.states import Action, State
from tests.support.authored import Authored, AuthorsMistake
from tests.support.in_process import InProcessRun, in_process_run
from tests.support.waiting import in_time

UNITS = 400
ALL = [f"u{number:04d}" for number in range(UNITS)]
# A batch is 100 rows at first, so a fifth of what one transaction for each unit would be is far off.
FEW = 40


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened


async def test_units_that_verification_sends_back_go_in_batches(run: InProcessRun) -> None:
    backfill = Authored(units=UNITS, forgotten=ALL)

    await run.work(backfill)

    ended = await run.read()
    assert (ended.state, ended.counts.units_done, ended.counts.rows_written) == (State.SUCCEEDED, UNITS, UNITS)
    assert len(backfill.transactions) < FEW


async def test_one_that_fails_among_them_is_bisected_out(run: InProcessRun) -> None:
    backfill = Authored(units=UNITS, forgotten=ALL, raises={"settle": AuthorsMistake}, poisoned=["u0123"])

    await run.work(backfill)

    ended = await run.read()
    assert [unit.unit_id for unit in ended.quarantined] == ["u0123"]
    assert backfill.done == set(ALL) - {"u0123"}
    assert len(backfill.transactions) < 2 * FEW


async def test_one_that_cannot_be_read_among_them_is_bisected_out(run: InProcessRun) -> None:
    backfill = Authored(units=UNITS, forgotten=ALL, raises={"read_units": AuthorsMistake}, poisoned=["u0123"])

    await run.work(backfill)

    ended = await run.read()
    assert [(unit.unit_id, unit.error.split(" at ")[0]) for unit in ended.quarantined] == [
        ("u0123", "read_units raised AuthorsMistake")
    ]
    assert backfill.done == set(ALL) - {"u0123"}


async def test_one_whose_rows_cannot_be_counted_is_quarantined(run: InProcessRun) -> None:
    backfill = Authored(units=4, capped=["u0001"], raises={"count_rows": AuthorsMistake})

    await run.work(backfill)

    ended = await run.read()
    assert (ended.state, ended.counts.units_done) == (State.FAILED, 3)
    assert [unit.unit_id for unit in ended.quarantined] == ["u0001"]


async def test_units_that_live_traffic_held_are_retried_in_batches(run: InProcessRun) -> None:
    backfill = Authored(units=UNITS, busy=ALL)
    await run.work(backfill)
    before = len(backfill.transactions)
    backfill.busy = ()
    run.outlast_leases()

    await run.work(backfill)

    assert (await run.read()).state is State.SUCCEEDED
    assert len(backfill.transactions) - before < FEW


async def test_a_retry_takes_quarantined_units_up_in_batches(run: InProcessRun) -> None:
    ill = ALL[100:115]
    backfill = Authored(units=UNITS, raises={"settle": AuthorsMistake}, poisoned=ill)
    await run.work(backfill)
    quarantined, before = (await run.read()).quarantined, len(backfill.transactions)
    backfill.raises = {}
    await run.store.act(run.run_id, Action.RETRY, who="test")

    await run.work(backfill)

    assert len(quarantined) == len(ill)
    assert ((await run.read()).state, backfill.transactions[before:]) == (State.SUCCEEDED, [len(ill)])


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_worker_whose_clock_is_wrong_puts_nothing_off_for_longer(run: InProcessRun, hours: int) -> None:
    backfill = Authored(units=4, busy=["u0002"])
    run.ahead_ms = hours * 3_600_000
    await run.work(backfill)
    waiting = await run.read()
    (during,) = waiting.contended
    backfill.busy = ()
    run.ahead_ms = 0
    run.outlast_leases()

    await run.work(backfill)

    assert 0 <= during.since_ms - waiting.created_ms < during.due_ms - waiting.created_ms
    assert in_time((during.due_ms - waiting.created_ms) / 1_000, 1)
    assert (await run.read()).state is State.SUCCEEDED
