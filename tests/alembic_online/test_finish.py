from __future__ import annotations

import asyncio

import psutil

from tests.conftest import Spawn
from tests.support.forked import backfill
from tests.support.old_rows import old_rows
from tests.support.waiting import wait_until

SLOW = {"BACKFILL_ROWS_PER_SECOND": "4", "BACKFILL_BATCH_ROWS": "10"}


async def test_the_worker_of_a_finish_that_is_killed_goes_with_it_and_a_paused_run_is_left_alone(
    database: str, environment: dict[str, str], spawn_program: Spawn
) -> None:
    env = environment | SLOW
    async with old_rows(database) as rows:
        for number in range(10):
            await rows.add_project(f"p{number}", minute=number)
            await rows.add_many(f"p{number}", 40)

    finishing = spawn_program("backfill", "finish", env=env)
    await wait_until(lambda: "running" in finishing.log, 30)
    workers = psutil.Process(finishing.pid).children()
    finishing.kill()
    gone, _ = await asyncio.to_thread(psutil.wait_procs, workers, timeout=20)
    assert len(gone) == len(workers) == 1

    assert backfill("pause", env=env).returncode == 0
    refused = backfill("finish", env=env)
    assert refused.returncode == 5
    assert "backfill resume" in refused.stderr
