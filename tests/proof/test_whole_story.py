"""Everything at once: old data, traffic through migration and backfill, the next release; then the books are closed."""

from __future__ import annotations

import asyncio

from backfill.sql.database import open_engine
from tests.conftest import Spawn
from tests.proof.history import install_history
from tests.proof.journal import Journal
from tests.proof.oracle import violations
from tests.proof.traffic import LiveTraffic, Load
from tests.support.databases import migrate
from tests.support.forked import backfill
from tests.support.runs import WORKER, enqueue, wait_for_end
from tests.support.waiting import wait_until
from worker.demo.old_data import OldDataShape, create_old_data

SHAPE = OldDataShape(projects=400, generations=4_000, giant_share=0.2, ties=True)


async def test_under_the_whole_story_every_acknowledged_write_is_accounted_for(
    database_e011: str, environment_e011: dict[str, str], spawn: Spawn
) -> None:
    env = environment_e011
    engine = open_engine(database_e011, application_name="test-old-data", command_timeout_seconds=None)
    await create_old_data(engine, SHAPE)
    await engine.dispose()
    journal = Journal()
    traffic = LiveTraffic(database_e011, journal, Load(seed=1, connections=6, transactions_per_second=150))

    async with traffic:
        await asyncio.to_thread(migrate, database_e011, "head")
        await install_history(database_e011)
        worker = spawn(*WORKER, env=env)
        await wait_until(lambda: "worker ready" in worker.log, 60)
        run = await asyncio.to_thread(lambda: wait_for_end(env, enqueue(env, "--batch-rows", "100")["id"]))
        await traffic.roll_out_next_release()
        settled = journal.acknowledged
        await wait_until(lambda: journal.acknowledged > settled + 600, 60)

    assert run["state"] == "succeeded", run
    assert await violations(database_e011, journal, traffic.errors) == []
    assert backfill("verify", env=env).returncode == 0
