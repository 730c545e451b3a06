"""Running the backfill as an operator does: a worker process, `backfill enqueue`, and waiting for the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.support.commands import Spawned
from tests.support.forked import backfill
from tests.support.waiting import wait_until

WORKER = ("arq", "worker.main.WorkerSettings")
BACKFILL = "generation-versions"


def enqueue(env: Mapping[str, str], *options: str) -> dict[str, Any]:
    """The new run's document."""
    done = backfill("enqueue", BACKFILL, "--json", *options, env=env)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def wait_for_end(env: Mapping[str, str], run_id: str, *, timeout: float = 120.0) -> dict[str, Any]:
    """The run's document once it is at rest, however it ended."""
    done = backfill("wait", run_id, "--json", "--timeout", str(timeout), env=env, timeout=timeout + 30)
    assert done.stdout, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def status(env: Mapping[str, str], run_id: str) -> dict[str, Any]:
    done = backfill("status", run_id, "--json", env=env)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


async def until_rows_done(env: Mapping[str, str], run_id: str, rows: int, *, deadline_seconds: float = 60.0) -> None:
    """Until the cursors have passed that many rows."""
    await wait_until(lambda: status(env, run_id)["progress"]["rows_done"] >= rows, deadline_seconds)


async def until_ready(worker: Spawned) -> None:
    await wait_until(lambda: "worker ready" in worker.log or worker.exit_code is not None)
    assert worker.exit_code is None, worker.log
