"""Each half alone: whatever the oracle then finds is its own fault or the application's, not of the two together."""

from __future__ import annotations

from backfill.sql.database import open_engine
from tests.proof.history import install_history
from tests.proof.journal import Journal
from tests.proof.oracle import violations
from tests.proof.settling import settle_everything
from tests.proof.snapshot import take_snapshot
from tests.proof.traffic import LiveTraffic, Load
from tests.support.databases import migrate
from tests.support.waiting import wait_until
from worker.demo.old_data import OldDataShape, create_old_data

SHAPE = OldDataShape(projects=40, generations=500, giant_share=0.2, ties=True)
LOAD = Load(seed=3, connections=4)


async def fill(url: str, shape: OldDataShape = SHAPE) -> None:
    engine = open_engine(url, application_name="test-old-data", command_timeout_seconds=None)
    await create_old_data(engine, shape)
    await engine.dispose()


async def test_traffic_on_the_migrated_schema_breaks_nothing_without_a_backfill(database_e011: str) -> None:
    await fill(database_e011)
    migrate(database_e011, "head")
    await install_history(database_e011)
    journal = Journal()

    async with LiveTraffic(database_e011, journal, LOAD) as traffic:
        await wait_until(lambda: journal.acknowledged > 600, 60)

    assert await violations(database_e011, journal, traffic.errors, finished=False) == []


async def test_a_backfill_without_traffic_changes_nothing_but_its_columns(database_e011: str) -> None:
    await fill(database_e011)
    journal = Journal()
    await take_snapshot(database_e011, journal)
    migrate(database_e011, "head")
    await install_history(database_e011)

    await settle_everything(database_e011)

    assert await violations(database_e011, journal, []) == []
