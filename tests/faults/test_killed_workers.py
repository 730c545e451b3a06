"""A worker that dies takes nothing with it: kill -9 at any point, and another one goes on from the cursors."""

from __future__ import annotations

import time

from tests.conftest import Spawn
from tests.faults.conftest import OldDatabase
from tests.support.runs import WORKER, enqueue, status, until_ready, until_rows_done, wait_for_end
from tests.support.waiting import wait_until

GO_ON_SECONDS = 10.0


async def test_another_worker_goes_on_within_seconds_from_the_cursors(old_database: OldDatabase, spawn: Spawn) -> None:
    env = old_database.env
    worker = spawn(*WORKER, env=env)
    await until_ready(worker)
    run_id = enqueue(env)["id"]
    await until_rows_done(env, run_id, 3_000)

    worker.kill()
    worker.wait()
    at_kill = status(env, run_id)["progress"]["rows_done"]
    await until_ready(spawn(*WORKER, env=env))
    since = time.monotonic()
    await wait_until(lambda: status(env, run_id)["progress"]["rows_done"] > at_kill, GO_ON_SECONDS)
    print(f"went on after {time.monotonic() - since:.1f} s")

    run = wait_for_end(env, run_id)
    assert run["state"] == "succeeded", run
    assert run["progress"]["rows_done"] == old_database.generations
    assert run["progress"]["rows_written"] <= old_database.generations
