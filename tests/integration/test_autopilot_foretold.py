"""What is read of real servers, from one look to the next: how far behind the next one will find them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.autopilot.signals import SIGNALS, Look, Signal, read_signals
from backfill.runs.readings import Reading
from backfill.sql.database import open_engine
from tests.support.own_servers import administrator
from tests.support.standby import Pair, primary_and_standby, write_wal
from tests.support.waiting import wait_until

MEBIBYTE = 1024 * 1024
GROWING = {"standbys", "slots"}


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with primary_and_standby("autovacuum=off") as servers:
        yield servers


@pytest.fixture
async def engine(pair: Pair) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(pair.primary_url, application_name="test-autopilot")
    yield opened
    await opened.dispose()


async def test_a_standby_that_stands_still_and_a_slot_that_nobody_reads_are_foretold_to_grow_on(
    pair: Pair, engine: AsyncEngine
) -> None:
    memories: dict[str, dict[str, float]] = {name: {} for name in GROWING}

    async def looked(seconds: float) -> dict[str, Reading]:
        def look(signal: Signal, connection: AsyncConnection) -> Look:
            return Look(connection=connection, seconds=seconds, memory=memories[signal.name])

        found = await read_signals(engine, [signal for signal in SIGNALS if signal.name in GROWING], look)
        return {name: those[0] for name, those in found.items()}

    async with administrator(pair.primary_url) as primary, administrator(pair.standby_url) as standby:
        await primary.execute("SELECT pg_create_physical_replication_slot('nobodys', true)")
        await standby.execute("SELECT pg_wal_replay_pause()")  # a request, and it may replay some more before it does
        await wait_until(lambda: standby.fetchval("SELECT pg_get_wal_replay_pause_state() = 'paused'"))
        await looked(0.0)
        await write_wal(pair.primary_url, 6)
        found = await looked(0.5)

    assert {name: one.growth for name, one in found.items()} == pytest.approx(
        dict.fromkeys(GROWING, 12 * MEBIBYTE), rel=0.1
    )
    for one in found.values():
        assert (one.foretold or 0.0) > (one.value or 0.0) + 0.75 * one.growth
        assert one.at_worst == pytest.approx(one.foretold, rel=0.1)
