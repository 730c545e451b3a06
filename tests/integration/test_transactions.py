"""Every transaction is bounded by limits of its own, and leaves nothing of them behind in its session."""

from __future__ import annotations

import socket
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.runs.failures import BatchFailed
from backfill.sql.database import open_engine
from backfill.sql.plans import walk_in_order
from backfill.sql.transactions import MOST_STATEMENTS, Limits, transaction
from tests.conftest import Connect
from tests.support.waiting import wait_until

LIMITS = Limits(
    lock_timeout_ms=511, statement_timeout_ms=5011, scan_timeout_ms=30_011, idle_in_transaction_timeout_ms=5022
)
NAMES = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "transaction_isolation")


async def settings(connection: AsyncConnection) -> list[str]:
    return [str((await connection.execute(text(f"SHOW {name}"))).scalar_one()) for name in NAMES]


async def sorts(connection: AsyncConnection) -> str:
    return str((await connection.execute(text("SHOW enable_sort"))).scalar_one())


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


async def test_after_limits_that_the_server_refuses_the_next_one_begins_anew(database: str) -> None:
    """It has begun by then, of which the driver knows nothing."""
    engine = open_engine(database, application_name="test-transactions", pool_size=1)

    with pytest.raises(BatchFailed, match="InvalidParameterValue"):
        async with transaction(engine, replace(LIMITS, lock_timeout_ms=-2)) as connection:
            await connection.execute(text("SELECT 1"))
    async with transaction(engine, LIMITS) as connection:
        found = await settings(connection)
    await engine.dispose()

    assert found == ["511ms", "5011ms", "5022ms", "read committed"]


@pytest.mark.parametrize("at_first", [True, False], ids=["at the beginning", "later"])
async def test_how_rows_are_read_is_set_for_one_transaction_and_at_its_beginning_in_no_message_of_its_own(
    database: str, at_first: bool
) -> None:
    engine = open_engine(database, application_name="test-transactions", pool_size=1)
    sent: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *of_it: sent.append(of_it[2]))

    async with transaction(engine, LIMITS) as connection:
        if not at_first:
            await connection.execute(text("SELECT 1"))
        await walk_in_order(connection)
        during = [*await settings(connection), await sorts(connection)]
    async with transaction(engine, LIMITS) as connection:
        after = [*await settings(connection), await sorts(connection)]
    await engine.dispose()

    assert during == ["511ms", "5011ms", "5022ms", "read committed", "off"]
    assert after == ["511ms", "5011ms", "5022ms", "read committed", "on"]
    assert any("enable_sort" in one and "SHOW" not in one for one in sent) is not at_first


@pytest.mark.skipif(sys.platform != "linux", reason="has other names for it elsewhere")
async def test_a_server_whose_host_is_gone_is_given_up_within_seconds(database: str) -> None:
    """How TCP is told so; a host of its own to cut off is in tests/hosts."""
    engine = open_engine(database, application_name="test-transactions", pool_size=1)

    async with engine.connect() as connection:
        session: Any = (await connection.get_raw_connection()).driver_connection
        link = session._transport.get_extra_info("socket")
        keeps_alive = link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        asked = {name: link.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in OF_TCP}
    await engine.dispose()

    assert keeps_alive
    assert asked["TCP_KEEPIDLE"] + asked["TCP_KEEPINTVL"] * asked["TCP_KEEPCNT"] <= 10
    assert 0 < asked["TCP_USER_TIMEOUT"] <= 10_000


OF_TCP = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
HURRIED = Limits(lock_timeout_ms=200, statement_timeout_ms=200, scan_timeout_ms=200, idle_in_transaction_timeout_ms=200)
FIRST_WITH_TRANSACTION_TIMEOUT = 170_000
ASKED = b"half\0SELECT 1\0\0\0"  # name, statement, no types of parameters
PARSE = b"P" + (4 + len(ASKED)).to_bytes(4, "big") + ASKED
FLUSH = b"H\0\0\0\4"
HOW_IT_STANDS = "SELECT state || ' ' || wait_event FROM pg_stat_activity WHERE pid = $1"


async def test_one_that_stops_between_parse_and_bind_unlocks_its_rows_by_itself(
    database: str, connect: Connect
) -> None:
    """As a worker does that is frozen there: its session is not idle, and no statement runs."""
    observer = await connect(database)
    if await observer.fetchval("SELECT current_setting('server_version_num')::int") < FIRST_WITH_TRANSACTION_TIMEOUT:
        pytest.skip("transaction_timeout is there since PostgreSQL 17")
    await observer.execute("CREATE TABLE locked (id int); INSERT INTO locked VALUES (1)")
    engine = open_engine(database, application_name="test-transactions", pool_size=1)
    waited: list[timedelta] = []

    with pytest.raises(BatchFailed):
        await stop_half_way(engine, observer, waited)
    await observer.execute("SELECT id FROM locked FOR UPDATE NOWAIT")
    await engine.dispose()

    assert waited[0].total_seconds() * 1000 > (MOST_STATEMENTS - 1) * HURRIED.statement_timeout_ms


async def stop_half_way(engine: AsyncEngine, observer: asyncpg.Connection, waited: list[timedelta]) -> None:
    async with transaction(engine, HURRIED) as connection:
        await connection.execute(text("SELECT id FROM locked FOR UPDATE"))
        session: Any = (await connection.get_raw_connection()).driver_connection
        pid = session.get_server_pid()
        session._transport.write(PARSE + FLUSH)  # no driver stops there
        await wait_until(lambda: stands(observer, pid, "active ClientRead"))
        begun = await observer.fetchval("SELECT xact_start FROM pg_stat_activity WHERE pid = $1", pid)
        await wait_until(lambda: stands(observer, pid, None), 60)
        waited.append(await observer.fetchval("SELECT now() - $1", begun))


async def stands(observer: asyncpg.Connection, pid: int, how: str | None) -> bool:
    return bool(await observer.fetchval(HOW_IT_STANDS, pid) == how)
