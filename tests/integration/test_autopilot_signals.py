"""Signals on real servers: a primary that archives, and a standby with a slot, whose replay stops before it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.autopilot.signals import SIGNALS, Look, Signal, read_signals
from backfill.autopilot.signals.checks import Check, signal_of
from backfill.autopilot.signals.probing import opened_probe
from backfill.embedded.server import Server
from backfill.runs.limits import DEFAULT_LIMITS, LATENCY, SIGNAL_NAMES
from backfill.runs.readings import Reading
from backfill.sql.database import open_engine
from tests.support.own_servers import administrator
from tests.support.standby import Primary, Standby, write_wal
from tests.support.started_servers import Quarters, quarters
from tests.support.waiting import wait_until

OURS = "test-backfill-worker"
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    primary_url: str
    standby_url: str
    kill_standby: Callable[[], None]
    archiving_is_broken: Path


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """The standby comes last in its tests: one kills it."""
    with quarters() as place, _archiving_primary(place) as (primary, broken):
        standby_recipe = Standby(quarters=place, primary_url=primary.url, slot="standby")
        with place.running(standby_recipe) as standby:
            yield Cluster(
                primary_url=primary.url,
                standby_url=standby.url,
                kill_standby=standby.ask_to_stop,
                archiving_is_broken=broken,
            )


@contextmanager
def _archiving_primary(place: Quarters) -> Iterator[tuple[Server, Path]]:
    """And the file that makes its archiving fail for as long as it is there."""
    broken = place.place.servers / "archiving-is-broken"
    settings = ("archive_mode=on", f"archive_command=test ! -e '{broken}'")
    with place.running(Primary(quarters=place, settings=settings)) as primary:
        yield primary, broken


@pytest.fixture
async def engine(cluster: Cluster) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(cluster.primary_url, application_name="test-autopilot")
    yield opened
    await opened.dispose()


@asynccontextmanager
async def engine_as(url: str, name: str = "test-autopilot") -> AsyncIterator[AsyncEngine]:
    opened = open_engine(url, application_name=name)
    yield opened
    await opened.dispose()


async def readings(
    engine: AsyncEngine, *, limits: Mapping[str, float | None] | None = None, expected: tuple[str, ...] = ()
) -> dict[str, list[Reading]]:
    found = await read_signals(engine, SIGNALS, look_with(limits, expected))
    return {name: list(those) for name, those in found.items()}


def look_with(limits: Mapping[str, float | None] | None = None, expected: tuple[str, ...] = ()) -> Any:
    def look(_: Signal, connection: AsyncConnection) -> Look:
        together = {**DEFAULT_LIMITS, **(limits or {})}
        return Look(connection=connection, limits=together, ours=(OURS,), expected_standbys=expected, cores=2)

    return look


async def test_every_signal_is_read_and_none_stops_a_server_that_is_well(engine: AsyncEngine) -> None:
    found = await readings(engine, limits={"database_bytes": 1e12, "active_per_core": 100.0, "standby_seconds": 60.0})

    assert set(found) == set(SIGNAL_NAMES) - {LATENCY}
    assert [reading for those in found.values() for reading in those if reading.unread or reading.stops] == []
    assert found["standbys"][0].value is not None
    assert found["slots"][0].about == "standby"


async def test_a_session_that_waits_for_a_lock_of_ours_is_seen_and_one_that_waits_for_others_is_not(
    cluster: Cluster, engine: AsyncEngine
) -> None:
    async with administrator(cluster.primary_url) as session:
        await session.execute("CREATE TABLE IF NOT EXISTS locked (id int)")
    ours = await asyncpg.connect(cluster.primary_url, server_settings={"application_name": OURS})
    theirs = await asyncpg.connect(cluster.primary_url)
    waits = await asyncpg.connect(cluster.primary_url)
    try:
        seen = []
        for holder in (theirs, ours):
            transaction = holder.transaction()
            await transaction.start()
            await holder.execute("LOCK TABLE locked")
            task = asyncio.ensure_future(waits.execute("SELECT FROM locked"))
            await wait_until(lambda: _somebody_waits(engine))
            seen.append((await readings(engine))["blocked"][0].value)
            await transaction.rollback()
            await task
    finally:
        for connection in (ours, theirs, waits):
            await connection.close()

    assert seen[0] == 0
    assert seen[1] is not None
    assert seen[1] > 0


async def _somebody_waits(engine: AsyncEngine) -> bool:
    async with engine.connect() as connection:
        return bool((await connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))).scalar_one())


async def test_archiving_that_fails_stops_and_goes_on_when_it_works_again(
    cluster: Cluster, engine: AsyncEngine
) -> None:
    async with administrator(cluster.primary_url) as session:
        cluster.archiving_is_broken.touch()
        await session.execute("SELECT pg_logical_emit_message(false, 'test', 'x')")
        await session.execute("SELECT pg_switch_wal()")
        await wait_until(lambda: _stops(engine, "archiver"), 20)
        cluster.archiving_is_broken.unlink()
        await wait_until(lambda: _goes_after_a_nudge(session, engine), 20)


async def _goes_after_a_nudge(session: Any, engine: AsyncEngine) -> bool:
    """An archiver that has failed tries again after a minute, or when the settings are read again."""
    await session.execute("SELECT pg_reload_conf()")
    return await _goes(engine, "archiver")


async def _stops(engine: AsyncEngine, signal: str) -> bool:
    return any(reading.stops for reading in (await readings(engine))[signal])


async def _goes(engine: AsyncEngine, signal: str) -> bool:
    return not await _stops(engine, signal)


async def test_sessions_of_others_are_counted_and_our_own_are_not(cluster: Cluster, engine: AsyncEngine) -> None:
    async def sessions() -> float | None:
        return (await readings(engine))["others"][0].value

    async def nobody_else() -> bool:
        return await sessions() == 0

    await wait_until(nobody_else)  # those of the tests before are gone
    ours = await asyncpg.connect(cluster.primary_url, server_settings={"application_name": "backfill-worker"})
    with_ours = await sessions()
    async with administrator(cluster.primary_url):
        with_another = await sessions()
    await ours.close()

    assert (with_ours, with_another) == (0, 1)


async def test_an_old_transaction_is_named_and_stops_nothing(cluster: Cluster, engine: AsyncEngine) -> None:
    async with administrator(cluster.primary_url) as session:
        await session.execute("SET application_name = 'forgotten'")
        async with session.transaction(isolation="repeatable_read"):
            await session.execute("SELECT count(*) FROM pg_class")
            found = (await readings(engine, limits={"snapshot_seconds": 0.0}))["snapshots"]

    assert [reading.about for reading in found if reading.too_much and "forgotten" in reading.about] != []
    assert [reading for reading in found if reading.stops] == []


async def test_dead_rows_are_measured_by_what_autovacuum_of_that_very_table_begins_at(
    cluster: Cluster, engine: AsyncEngine
) -> None:
    async with administrator(cluster.primary_url) as session:
        await session.execute("CREATE TABLE counted (n int) WITH (autovacuum_enabled = off)")
        await session.execute("INSERT INTO counted SELECT generate_series(1, 1000)")
        await session.execute(
            "ALTER TABLE counted SET (autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0)"
        )
        await session.execute("DELETE FROM counted")
        try:
            await wait_until(lambda: _dead_of(engine, "public.counted, without autovacuum"), 60)
            found = await _dead_of(engine, "public.counted, without autovacuum")
        finally:
            await session.execute("DROP TABLE counted")

    assert found is not None
    assert (found.value, found.unit, found.stops) == (5.0, "times", False)


async def _dead_of(engine: AsyncEngine, table: str) -> Reading | None:
    return next((one for one in (await readings(engine))["dead_rows"] if one.about == table), None)


async def test_a_role_without_rights_is_told_what_it_cannot_see(cluster: Cluster) -> None:
    async with administrator(cluster.primary_url) as session:
        await session.execute("CREATE ROLE blind LOGIN PASSWORD 'blind'")
    at = cluster.primary_url.rpartition("@")[2]
    async with engine_as(f"postgresql://blind:blind@{at}") as engine:
        found = await readings(engine, limits={"active_per_core": 1.0})

    assert ["pg_monitor" in reading.unread for reading in found["standbys"]] == [True]
    assert found["standbys"][0].stops
    assert [reading.warns for reading in found["snapshots"] if reading.unread] == [True]
    assert any(reading.unread for reading in found["connections"])
    assert not any(
        reading.unread for name in ("slots", "archiver", "wal", "blocked", "frozen") for reading in found[name]
    )


async def test_the_probe_takes_the_time_of_a_commit_on_the_server(engine: AsyncEngine) -> None:
    async with opened_probe(engine) as probe:
        times = [await probe.take() for _ in range(5)]

    assert all(0 < milliseconds < 5_000 for milliseconds in times)


async def test_checks_of_the_operator_stop_by_number_and_by_no_and_when_they_fail(engine: AsyncEngine) -> None:
    checks = [
        Check(name="few", sql="SELECT 5", limit=10),
        Check(name="many", sql="SELECT 50", limit=10),
        Check(name="yes", sql="SELECT true"),
        Check(name="no", sql="SELECT false"),
        Check(name="null", sql="SELECT NULL::int", limit=10),
        Check(name="broken", sql="SELECT nothing_of_this_name"),
        Check(name="nobody", url="http://127.0.0.1:9/"),
    ]
    found = await read_signals(engine, [signal_of(check) for check in checks], look_with())

    stopped = {name.removeprefix("check-") for name, those in found.items() if any(one.stops for one in those)}
    assert stopped == {"many", "no", "null", "broken", "nobody"}
    assert "nothing_of_this_name" in found["check-broken"][0].unread


async def test_a_standby_that_stops_its_replay_is_behind_and_one_that_is_expected_and_not_there_stops(
    cluster: Cluster, engine: AsyncEngine
) -> None:
    async with administrator(cluster.standby_url) as session:
        await session.execute("SELECT pg_wal_replay_pause()")
        await write_wal(cluster.primary_url, 9)
        await wait_until(lambda: _stops(engine, "standbys"))
        await session.execute("SELECT pg_wal_replay_resume()")
    await wait_until(lambda: _goes(engine, "standbys"))
    missing = (await readings(engine, expected=("another",)))["standbys"]

    assert [reading.name for reading in missing if reading.stops] == ["standbys another"]


async def test_the_slot_of_a_killed_standby_stops(cluster: Cluster, engine: AsyncEngine) -> None:
    cluster.kill_standby()
    await wait_until(lambda: _is_inactive(engine), 20)
    before = (await readings(engine))["slots"]
    await write_wal(cluster.primary_url, 17)
    after = await readings(engine)

    assert not any(reading.stops for reading in before)
    assert [reading.about for reading in after["slots"] if reading.stops] == ["standby (inactive)"]
    assert after["standbys"] == []


async def _is_inactive(engine: AsyncEngine) -> bool:
    return any("inactive" in reading.about for reading in (await readings(engine))["slots"])
