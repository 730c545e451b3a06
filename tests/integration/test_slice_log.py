"""What a worker says in its log: a line for each slice, with all that it did, and none for a batch."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.conftest import Spawn
from tests.support.commands import Spawned
from tests.support.forked import backfill
from tests.support.old_rows import OldRows
from tests.support.runs import BACKFILL, WORKER, enqueue, status, until_ready, until_rows_done, wait_for_end
from tests.support.waiting import in_time, wait_until

PROJECTS = 30
ROWS_EACH = 5
FACTS = {"run", "backfill", "task", "range", "rows", "written", "checked", "batches", "contended", "quarantined"}


@pytest.fixture
async def projects(rows: OldRows) -> OldRows:
    for number in range(PROJECTS):
        await rows.add_project(f"p{number:02}", minute=number)
        await rows.add_many(f"p{number:02}", ROWS_EACH)
    return rows


def lines(worker: Spawned) -> list[dict[str, Any]]:
    return [json.loads(line) for line in worker.log.splitlines() if line.startswith("{") and line.endswith("}")]


def slices(worker: Spawned) -> list[dict[str, Any]]:
    return [line for line in lines(worker) if line["event"] == "slice done"]


async def test_the_lines_of_the_slices_add_up_to_the_run(
    projects: OldRows, environment: dict[str, str], spawn: Spawn
) -> None:
    worker = spawn(*WORKER, env=environment | {"BACKFILL_SLICE_SECONDS": "1"})
    await until_ready(worker)
    run_id = enqueue(environment, "--batch-rows", "10", "--pause-ms", "100", "--parallel", "2")["id"]
    run = wait_for_end(environment, run_id)

    def whole_run() -> bool:
        return sum(int(told["checked"]) for told in slices(worker)) == PROJECTS

    await wait_until(whole_run)
    told = slices(worker)
    progress = run["progress"]
    assert all(FACTS | {"seconds", "ended"} <= set(line) for line in told)
    assert {line["run"] for line in told} == {run_id}
    assert {line["backfill"] for line in told} == {BACKFILL}
    assert sum(line["rows"] for line in told) == progress["rows_done"] == PROJECTS * ROWS_EACH
    assert sum(line["written"] for line in told) == progress["rows_written"]
    assert sum(line["batches"] for line in told) == run["pace"]["batches"] > len(told)
    assert "time is up" in {line["ended"] for line in told}
    assert all(line["seconds"] > 0 and in_time(line["seconds"], 10) for line in told)
    assert {line["event"] for line in lines(worker)} == {"worker ready", "slice done"}


async def test_a_line_says_why_the_slice_ended(projects: OldRows, environment: dict[str, str], spawn: Spawn) -> None:
    worker = spawn(*WORKER, env=environment | {"BACKFILL_SLICE_SECONDS": "60"})
    await until_ready(worker)
    run_id = enqueue(environment, "--batch-rows", "10", "--pause-ms", "1000", "--parallel", "1")["id"]
    await until_rows_done(environment, run_id, 10)
    backfill("pause", env=environment)
    await wait_until(lambda: slices(worker))
    backfill("resume", env=environment)
    await until_rows_done(environment, run_id, slices(worker)[0]["rows"] + 10)

    worker.kill(signal.SIGTERM)
    worker.wait()

    told = slices(worker)
    first, last = told[0], told[-1]
    assert (first["task"], first["ended"]) == ("plan+settle", "run is pausing")
    assert (last["task"], last["ended"]) == ("settle", "worker stops")
    assert sum(line["rows"] for line in told) == status(environment, run_id)["progress"]["rows_done"]
