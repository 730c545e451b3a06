"""Every transaction is bounded by limits of its own, and leaves nothing of them behind in its session."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.sql.database import open_engine
from backfill.sql.transactions import Limits, transaction

LIMITS = Limits(
    lock_timeout_ms=511, statement_timeout_ms=5011, scan_timeout_ms=30_011, idle_in_transaction_timeout_ms=5022
)
NAMES = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "transaction_isolation")


async def settings(connection: AsyncConnection) -> list[str]:
    return [str((await connection.execute(text(f"SHOW {name}"))).scalar_one()) for name in NAMES]


async def test_it_has_its_limits_and_read_committed_and_the_next_one_begins_anew(database: str) -> None:
    engine = open_engine(database, application_name="test-transactions", pool_size=1)

    async with engine.begin() as connection:
        before = await settings(connection)
    async with transaction(engine, LIMITS) as connection:
        during = await settings(connection)
    async with transaction(engine, LIMITS, statement_timeout_ms=LIMITS.scan_timeout_ms) as connection:
        scanning = await settings(connection)
    async with engine.begin() as connection:
        after = await settings(connection)
    await engine.dispose()

    assert during == ["511ms", "5011ms", "5022ms", "read committed"]
    assert scanning == ["511ms", "30011ms", "5022ms", "read committed"]
    assert before == after
