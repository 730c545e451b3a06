from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from backfill.runs.errors import DatabaseUnreachable
from backfill.sql.database import open_engine, reachable
from tests.conftest import Connect


async def test_transactions_are_read_committed_whatever_the_database_says(database: str, connect: Connect) -> None:
    name = database.rpartition("/")[2]
    admin = await connect(database)
    await admin.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")

    assert await _ask(database, "SHOW transaction_isolation") == "read committed"


@pytest.mark.parametrize(("pgbouncer", "interval"), [(False, "500ms"), (True, "0")])
async def test_only_a_direct_connection_sets_what_pgbouncer_does_not_know(
    database: str, connect: Connect, pgbouncer: bool, interval: str
) -> None:
    name = database.rpartition("/")[2]
    await (await connect(database)).execute(f"ALTER DATABASE {name} SET client_connection_check_interval = 0")

    assert await _ask(database, "SHOW client_connection_check_interval", pgbouncer=pgbouncer) == interval
    assert await _ask(database, "SHOW application_name", pgbouncer=pgbouncer) == "tests"


async def test_a_direct_connection_has_the_server_give_up_a_host_that_is_gone_within_half_a_minute(
    database: str,
) -> None:
    keepalives = (
        "SELECT current_setting('tcp_keepalives_idle')::integer"
        " + current_setting('tcp_keepalives_interval')::integer * current_setting('tcp_keepalives_count')::integer"
    )

    assert await _ask(database, keepalives) == 25
    assert await _ask(database, "SHOW tcp_user_timeout") == "25000"


async def test_a_call_that_is_not_answered_ends_at_the_client(database: str) -> None:
    with pytest.raises(DatabaseUnreachable, match="did not answer in time"):
        await _ask(database, "SELECT pg_sleep(60)", command_timeout_seconds=0.1)


async def test_a_connection_that_the_server_ends_is_told_from_a_wrong_statement(database: str) -> None:
    with pytest.raises(DatabaseUnreachable, match="closed the connection"):
        await _ask(database, "SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(Exception, match="no_such_table") as wrong:
        await _ask(database, "SELECT 1 FROM no_such_table")
    assert not isinstance(wrong.value, DatabaseUnreachable)


async def test_something_else_that_listens_there_is_no_server() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(DatabaseUnreachable, match=f"PostgreSQL at 127.0.0.1:{port} "):
            await _ask(f"postgresql://127.0.0.1:{port}/app?sslmode=disable", "SELECT 1")


async def _ask(url: str, statement: str, *, pgbouncer: bool = False, command_timeout_seconds: float = 30.0) -> object:
    engine = open_engine(
        url, application_name="tests", pgbouncer=pgbouncer, command_timeout_seconds=command_timeout_seconds
    )
    try:
        async with reachable(url), engine.connect() as connection:
            return await connection.scalar(text(statement))
    finally:
        await engine.dispose()
