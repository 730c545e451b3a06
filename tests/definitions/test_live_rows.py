"""Rows that the application holds, and what else a definition meets on a database that is not its own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions import Columns
from backfill.definitions.columns import settling
from backfill.engine.previewing import Sampling, preview
from backfill.engine.protocols import Previewable
from backfill.runs.preview import Preview
from backfill.runs.states import State
from backfill.sql.database import open_engine
from tests.support.defined import LIMITS, WAITING, create_all, install, to_its_end
from tests.support.in_process import InProcessRun, in_process_run, pace_of
from tests.support.shop_tables import Base, Customer, EmailNormalized, OrderTotals
from tests.support.shop_traffic import fill
from tests.support.waiting import wait_until

BOTH = pytest.mark.parametrize("definition", [EmailNormalized, OrderTotals], ids=["row-local", "from other rows"])
HOLD = {
    EmailNormalized: "UPDATE customers SET email = 'Late@X.org' WHERE id IN (3, 250)",
    OrderTotals: "UPDATE orders SET total = 0 WHERE number IN (3, 250)",
}


@pytest.fixture(autouse=True)
async def shop(engine: AsyncEngine, sql: asyncpg.Connection) -> None:
    await create_all(engine, Base.metadata)
    await fill(sql)
    await install(engine, EmailNormalized, OrderTotals)


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened


def bound(definition: type[Columns], engine: AsyncEngine) -> Previewable:
    return definition.definition().bound(engine, LIMITS)


@BOTH
async def test_rows_that_are_held_are_put_aside_and_settled_when_they_are_free(
    definition: type[Columns], engine: AsyncEngine, sql: asyncpg.Connection, run: InProcessRun
) -> None:
    backfill = bound(definition, engine)
    holding = sql.transaction()
    await holding.start()
    await sql.execute(HOLD[definition])

    await run.work(backfill)
    meanwhile = await run.read()
    await holding.rollback()
    run.outlast_leases()
    ended = await to_its_end(run, backfill)

    assert (meanwhile.state, len(meanwhile.contended)) == (State.RUNNING, 2)
    assert meanwhile.counts.rows_written == meanwhile.counts.rows_done == ended.counts.rows_done - 2
    assert (ended.state, ended.counts.rows_written) == (State.SUCCEEDED, ended.counts.rows_done)


async def test_a_write_that_commits_while_the_batch_waits_for_it_is_not_overwritten(
    engine: AsyncEngine, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "WAIT_MS", 5_000)
    patient = EmailNormalized.definition().bound(engine, replace(LIMITS, lock_timeout_ms=5_000))
    await sql.execute("ALTER TABLE customers DISABLE TRIGGER USER")
    change = sql.transaction()
    await change.start()
    await sql.execute("UPDATE customers SET email = ' LATE@x.org' WHERE id = 250")

    settling_it = asyncio.create_task(patient.settle([str(number) for number in range(240, 260)]))
    await wait_until(lambda: sql.fetchval(WAITING))
    await change.commit()
    settled = await settling_it

    assert (settled.written, settled.contended) == (20, frozenset())
    assert await sql.fetchval("SELECT email_normalized FROM customers WHERE id = 250") == "late@x.org"


async def test_an_item_that_is_inserted_while_its_order_is_settled_is_counted(
    engine: AsyncEngine, sql: asyncpg.Connection, run: InProcessRun
) -> None:
    """Its trigger waits for the order, or the batch skips it: whoever comes second computes from both."""
    backfill = bound(OrderTotals, engine)
    insert = sql.transaction()
    await insert.start()
    await sql.execute("INSERT INTO items (shop, number, pieces, price) VALUES ('s3', 3, 1, 100)")

    await run.work(backfill)
    await insert.commit()
    run.outlast_leases()
    ended = await to_its_end(run, backfill)

    assert ended.state is State.SUCCEEDED
    assert await sql.fetchval("SELECT total FROM orders WHERE number = 3") == 107.5


@BOTH
async def test_a_preview_explains_every_statement_and_weighs_the_wal(
    definition: type[Columns], engine: AsyncEngine
) -> None:
    seen: Preview = await preview(bound(definition, engine), pace_of(200), Sampling(seconds=1.0, stopwatch=_stopwatch))

    assert seen.sample is not None
    assert seen.sample.wal_bytes / seen.sample.wal_rows > 20
    assert {plan.part_of for plan in seen.statements} >= {"planning", "a batch", "verification"}
    assert all(plan.steps for plan in seen.statements)
    assert seen.survey.amount.rows_left == seen.survey.amount.rows
    assert all(enabled for _, enabled in seen.survey.triggers)


async def test_what_a_role_lacks_is_told_with_what_to_grant(
    database: str, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    async with role_with(sql, database, "GRANT SELECT (shop, number) ON orders TO {role}") as (url, role):
        opened = open_engine(url, application_name="test-rights")
        (lacking,) = await bound(OrderTotals, opened).check_privileges(writes=True)
        await sql.execute(lacking.remedy)
        granted = await bound(OrderTotals, opened).check_privileges(writes=True)
        seen = await preview(bound(OrderTotals, opened), pace_of(200), Sampling(seconds=0.5, stopwatch=_stopwatch))
        await opened.dispose()

    assert f"GRANT UPDATE (total) ON public.orders TO {role};" in lacking.remedy
    assert f"GRANT SELECT (shop, number, pieces, price) ON public.items TO {role};" in lacking.remedy
    assert (granted, seen.no_sample) == ((), None)


async def test_values_in_expressions_mean_the_same_in_the_trigger_as_in_a_run(
    engine: AsyncEngine, sql: asyncpg.Connection, run: InProcessRun
) -> None:
    class Slug(Columns):
        """Values that mean something to a driver, to SQLAlchemy, or to PostgreSQL."""

        table = Customer
        sets = {Customer.email_normalized: func.regexp_replace(Customer.email, r"\s+|'|:x|%s", " :x '%s\\", "g")}

    await sql.execute("ALTER TABLE customers DISABLE TRIGGER email_normalized_sync")
    await install(engine, Slug)
    ended = await to_its_end(run, bound(Slug, engine))
    by_run = await sql.fetchval("SELECT email_normalized FROM customers WHERE id = 7")

    await sql.execute("UPDATE customers SET email = email WHERE id = 7")

    assert ended.state is State.SUCCEEDED
    assert by_run == " :x '%s\\Ann7@X.org"
    assert await sql.fetchval("SELECT email_normalized FROM customers WHERE id = 7") == by_run


@asynccontextmanager
async def role_with(sql: asyncpg.Connection, database: str, grant: str) -> AsyncIterator[tuple[str, str]]:
    """URL of the database for a role that may do this, and its name."""
    role = f"test_{secrets.token_hex(6)}"
    server = urlsplit(database)
    await sql.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'hunter2'")
    await sql.execute(grant.format(role=role))
    yield server._replace(netloc=f"{role}:hunter2@{server.hostname}:{server.port}").geturl(), role
    await sql.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def _stopwatch() -> float:
    return asyncio.get_running_loop().time()
