"""Units that are settled whole, by the example's own SQL: locked with all their rows, or left for later."""

from __future__ import annotations

from types import ModuleType

import asyncpg
import pytest
from sqlalchemy import text

from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.states import State
from backfill.sql.transactions import Limits
from backfill.testing import Runner

pytest_plugins = ["backfill.testing"]

LIMITS = Limits(
    lock_timeout_ms=500, statement_timeout_ms=5_000, scan_timeout_ms=30_000, idle_in_transaction_timeout_ms=5_000
)
ORDERS, ITEMS = 30, 4


@pytest.fixture
async def orders(backfill_runner: Runner) -> None:
    """As they were before the trigger; a few have no items."""
    async with backfill_runner.begin() as connection:
        await connection.execute(text("ALTER TABLE items DISABLE TRIGGER items_number_lines"))
        await connection.execute(
            text("INSERT INTO orders (branch, number) SELECT 'a,\"b', n FROM generate_series(1, :n) AS n"),
            {"n": ORDERS},
        )
        await connection.execute(
            text(
                "INSERT INTO items (branch, number, pieces, price) SELECT branch, number, 1, 1"
                " FROM orders, generate_series(1, :n) WHERE number > 3"
            ),
            {"n": ITEMS},
        )
        await connection.execute(text("ALTER TABLE items ENABLE TRIGGER items_number_lines"))


async def lines(runner: Runner, number: int) -> list[int | None]:
    async with runner.begin() as connection:
        found = await connection.execute(
            text("SELECT line FROM items WHERE number = :number ORDER BY id"), {"number": number}
        )
        return list(found.scalars())


@pytest.mark.usefixtures("orders")
async def test_a_killed_worker_s_units_are_settled_and_a_second_run_writes_nothing(
    backfill_runner: Runner, definitions: ModuleType
) -> None:
    run = await backfill_runner.run_with_a_kill(definitions.LineNumbers)

    assert (run.counts.units_done, run.counts.rows_done) == (ORDERS, (ORDERS - 3) * ITEMS)
    assert await lines(backfill_runner, 7) == [1, 2, 3, 4]
    await backfill_runner.assert_verified(definitions.LineNumbers)
    await backfill_runner.assert_writes_nothing(definitions.LineNumbers)


@pytest.mark.usefixtures("orders")
async def test_a_unit_of_which_a_row_is_locked_is_left_out_and_nobody_waits(
    backfill_runner: Runner, definitions: ModuleType
) -> None:
    ids = ['["a,\\"b","5"]', '["a,\\"b","6"]']
    application = await asyncpg.connect(backfill_runner.url)
    async with backfill_runner.engine() as engine:
        backfill = definitions.LineNumbers.definition().bound(engine, LIMITS)
        async with application.transaction():
            await application.execute("SELECT FROM items WHERE number = 5 LIMIT 1 FOR UPDATE")
            settled = await backfill.settle(ids)
    await application.close()

    assert (settled.written, settled.contended) == (ITEMS, {ids[0]})
    assert await lines(backfill_runner, 5) == [None] * ITEMS


@pytest.mark.usefixtures("orders")
async def test_a_row_that_is_done_and_wrong_fails_the_run_with_its_unit(
    backfill_runner: Runner, definitions: ModuleType
) -> None:
    async with backfill_runner.begin() as connection:
        await connection.execute(text("UPDATE items SET line = 1 WHERE number = 9"))

    run = await backfill_runner.run(definitions.LineNumbers, succeeds=False)

    assert run.state is State.FAILED
    assert [(one.rule, one.count, one.examples) for one in run.findings or ()] == [
        ("numbered", 1, ('["a,\\"b","9"]',)),
    ]
    with pytest.raises(AssertionError, match=r"numbered: 1, such as"):
        await backfill_runner.assert_verified(definitions.LineNumbers)


@pytest.mark.usefixtures("orders")
async def test_a_unit_that_takes_too_long_to_be_settled_whole_is_refused_with_a_sentence(
    backfill_runner: Runner, definitions: ModuleType
) -> None:
    async with backfill_runner.begin() as connection:
        await connection.execute(
            text(
                "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql"
                " AS $$ BEGIN PERFORM pg_sleep(1); RETURN NEW; END $$"
            )
        )
        await connection.execute(
            text("CREATE TRIGGER wait BEFORE UPDATE OF line ON items FOR EACH ROW EXECUTE FUNCTION wait()")
        )
    hurried = Limits(
        lock_timeout_ms=100, statement_timeout_ms=200, scan_timeout_ms=1_000, idle_in_transaction_timeout_ms=1_000
    )
    async with backfill_runner.engine() as engine:
        backfill = definitions.LineNumbers.definition().bound(engine, hurried)
        with pytest.raises(BatchFailed, match="too large to be settled in one transaction") as refused:
            await backfill.settle_part('["a,\\"b","9"]', None, rows=100)

    assert refused.value.failure is Failure.ROW


@pytest.mark.usefixtures("orders")
async def test_a_preview_weighs_it_explains_every_statement_and_keeps_nothing(
    backfill_runner: Runner, definitions: ModuleType
) -> None:
    async with backfill_runner.engine() as engine:
        backfill = definitions.LineNumbers.definition().bound(engine, LIMITS)
        (span,) = (await backfill.plan(16)).spans
        units = await backfill.read_page(span.start, span.end, units=1_000, row_cap=1_000)
        survey = await backfill.survey()
        plans = await backfill.explain(units, writes=True)
        rehearsed = await backfill.rehearse([unit.id for unit in units], weigh=True)

    left = (ORDERS - 3) * ITEMS
    assert (survey.amount.units, survey.amount.units_left) == (ORDERS, ORDERS - 3)
    assert (survey.amount.rows, survey.amount.rows_left) == (left, left)
    assert [plan.why_not for plan in plans] == [None] * len(plans)
    assert rehearsed.written == left
    assert rehearsed.wal is not None
    assert rehearsed.wal.bytes > 0
    assert await lines(backfill_runner, 9) == [None] * ITEMS


async def test_new_items_are_numbered_by_the_trigger_and_none_is_lost_to_a_move(
    backfill_runner: Runner, definitions: ModuleType
) -> None:
    async with backfill_runner.begin() as connection:
        await connection.execute(text("INSERT INTO orders (branch, number) VALUES ('a', 1), ('a', 2)"))
        await connection.execute(
            text("INSERT INTO items (branch, number, pieces, price) SELECT 'a', 1, 1, 1 FROM generate_series(1, 3)")
        )
        await connection.execute(text("UPDATE items SET number = 2 WHERE line = 2"))

    assert (await lines(backfill_runner, 1), await lines(backfill_runner, 2)) == ([1, 3], [1])
    await backfill_runner.assert_verified(definitions.LineNumbers)
