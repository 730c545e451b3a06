"""The old application writes as fast as it can, before, during and after migration and run: it sees no error."""

from __future__ import annotations

import asyncio

from backfill.engine.checking import check_everything
from backfill.sql.database import open_engine
from backfill.sql.transactions import Limits
from tests.conftest import Spawn
from tests.support.databases import migrate
from tests.support.runs import WORKER, enqueue, until_ready, wait_for_end
from worker.demo.old_application import OldApplication, Traffic
from worker.demo.old_data import OldDataShape, create_old_data
from worker.generations.backfill import GenerationVersions

LIMITS = Limits(
    lock_timeout_ms=500, statement_timeout_ms=5000, scan_timeout_ms=30_000, idle_in_transaction_timeout_ms=5000
)


async def test_a_run_under_traffic_is_verified_and_the_application_sees_no_error(
    database_e011: str, environment_e011: dict[str, str], spawn: Spawn
) -> None:
    env = environment_e011
    engine = open_engine(database_e011, application_name="test", command_timeout_seconds=None)
    await create_old_data(engine, OldDataShape(projects=2_000, generations=20_000))
    traffic = Traffic(connections=6, transactions_per_second=0, deletes_percent=3)

    async with OldApplication(database_e011, traffic) as application:
        application.phase("migration")
        await asyncio.to_thread(migrate, database_e011, "head")
        application.phase("backfill")
        worker = spawn(*WORKER, env=env)
        await until_ready(worker)
        run = await asyncio.to_thread(lambda: wait_for_end(env, enqueue(env, "--batch-rows", "200")["id"]))
        during = [application.summary("migration"), application.summary("backfill")]
    _, findings = await check_everything(GenerationVersions(engine, LIMITS))
    await engine.dispose()

    assert run["state"] == "succeeded", run
    assert [summary.failures for summary in during] == [(), ()], during
    assert min(summary.transactions for summary in during) > 50
    assert [finding for finding in findings if finding.is_error] == []
    assert "Traceback" not in worker.log
