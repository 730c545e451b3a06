"""What a real server says of itself, to everybody and to a role from which the right was taken away."""

from __future__ import annotations

from typing import Any

from backfill.embedded.server import Server
from backfill.sql.database import open_engine
from backfill.sql.identity import read_identity
from backfill.sql.transactions import Limits
from backfill.urls import ServerUrls
from tests.support.databases import new_database
from tests.support.own_servers import administrator

LIMITS = Limits(
    lock_timeout_ms=500, statement_timeout_ms=5000, scan_timeout_ms=5000, idle_in_transaction_timeout_ms=5000
)


async def test_a_server_says_who_it_is_to_everybody_and_less_where_the_right_was_taken_away(
    servers: ServerUrls, another: Server
) -> None:
    async with new_database(servers.database_url) as url, administrator(url) as session:
        before = await _identity(url)
        await session.execute("CREATE ROLE blind_to_identity")
        try:
            await session.execute("ALTER DATABASE " + url.rpartition("/")[2] + " SET role = 'blind_to_identity'")
            everybody = await _identity(url)
            await session.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
            blind = await _identity(url)
        finally:
            await session.execute("ALTER DATABASE " + url.rpartition("/")[2] + " RESET role")
            await session.execute("DROP ROLE blind_to_identity")

    assert before == everybody == await _identity(servers.database_url)
    assert (blind.system, blind.started_us) == (None, before.started_us)
    assert (await _identity(another.url)).system not in (None, before.system)


async def _identity(url: str) -> Any:
    engine = open_engine(url, application_name="test-identity")
    try:
        return await read_identity(engine, LIMITS, place="here:5432")
    finally:
        await engine.dispose()
