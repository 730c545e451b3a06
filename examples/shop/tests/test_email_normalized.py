"""The backfill `email-normalized`, on servers of its own: `pytest` in the folder of the shop."""

from __future__ import annotations

import random

import pytest
from shop.backfills.email_normalized import EmailNormalized
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.testing import Runner

pytest_plugins = ["backfill.testing"]

# As they were before the trigger.
OLD_CUSTOMERS = text(
    "INSERT INTO customers (email) SELECT format(' User.%s@X.org ', n) FROM generate_series(1, 300) AS n"
)
WITHOUT_TRIGGER = text("ALTER TABLE customers DISABLE TRIGGER USER")
WITH_TRIGGER = text("ALTER TABLE customers ENABLE TRIGGER USER")
SIGN_UP = text("INSERT INTO customers (email) VALUES (:email)")
WRONG = text("SELECT count(*) FROM customers WHERE email_normalized IS DISTINCT FROM lower(trim(email))")


async def sign_up(connection: AsyncConnection, dice: random.Random) -> None:
    """One transaction of the application, which knows nothing of the column."""
    await connection.execute(SIGN_UP, {"email": f" New.{dice.random()}@X.org"})


@pytest.mark.asyncio
async def test_every_address_is_right_after_a_kill_and_beside_live_writes(backfill_runner: Runner) -> None:
    async with backfill_runner.begin() as connection:
        for statement in (WITHOUT_TRIGGER, OLD_CUSTOMERS, WITH_TRIGGER):
            await connection.execute(statement)

    async with backfill_runner.live_writes(sign_up):
        run = await backfill_runner.run_with_a_kill(EmailNormalized)

    assert run.counts.rows_written >= 300
    async with backfill_runner.begin() as connection:
        assert await connection.scalar(WRONG) == 0
    await backfill_runner.assert_verified(EmailNormalized)
    await backfill_runner.assert_writes_nothing(EmailNormalized)
