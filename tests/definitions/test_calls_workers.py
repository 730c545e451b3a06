"""Calls in real workers: killed in the middle of a batch, asked to stop, beside an application that goes on writing."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections import Counter
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.conftest import Spawn
from tests.support.called import add_documents, digest, wrong_rows
from tests.support.commands import Spawned, environment_for
from tests.support.forked import backfill
from tests.support.runs import until_ready, wait_for_end
from tests.support.waiting import wait_until

WORKER = ("arq", "backfill.worker.WorkerSettings")
EDITS = 5_000
EDITORS = 4


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    file = tmp_path / "noted"
    file.touch()
    return file


@pytest.fixture
def env(database: str, redis_url: str, noted: Path) -> dict[str, str]:
    return environment_for(
        database_url=database,
        redis_url=redis_url,
        BACKFILL_DEFINITIONS="tests.support.called",
        BACKFILL_LEASE_SECONDS="1",
        CALLS_NOTED=str(noted),
    )


def enqueue(env: dict[str, str], name: str, *options: str) -> str:
    done = backfill("enqueue", name, "--json", *options, env=env)
    assert done.returncode == 0, done.stderr
    run_id: str = json.loads(done.stdout)["id"]
    return run_id


async def ended(env: dict[str, str], run_id: str) -> dict[str, object]:
    return await asyncio.to_thread(wait_for_end, env, run_id)


def calls_of_rows(noted: Path) -> Counter[str]:
    return Counter(noted.read_text(encoding="utf-8").splitlines())


async def rows_done(sql: asyncpg.Connection, least: int) -> bool:
    return bool(await sql.fetchval("SELECT count(sha256) >= $1 FROM documents", least))


async def test_a_worker_killed_in_the_middle_of_a_batch_costs_its_calls_and_no_row(
    env: dict[str, str], sql: asyncpg.Connection, spawn: Spawn, noted: Path
) -> None:
    await add_documents(sql, 500)
    worker = spawn(*WORKER, env=env)
    await until_ready(worker)
    run_id = enqueue(env, "hash-noted")
    await wait_until(lambda: rows_done(sql, 100))

    worker.kill()
    calls_at_kill = calls_of_rows(noted).total()
    rows_at_kill = await sql.fetchval("SELECT count(sha256) FROM documents")
    await until_ready(spawn(*WORKER, env=env))
    run = await ended(env, run_id)

    assert (run["state"], await wrong_rows(sql)) == ("succeeded", 0)
    calls = calls_of_rows(noted)
    assert len(calls) == 500
    # Once for the value and once for the verification, and once more for what the killed worker had not written.
    assert max(calls.values()) <= 3
    assert sum(count == 3 for count in calls.values()) <= calls_at_kill - rows_at_kill


async def test_five_thousand_edits_beside_a_run_leave_no_stale_value(
    env: dict[str, str], sql: asyncpg.Connection, spawn: Spawn, database: str
) -> None:
    await add_documents(sql, 2_000)
    await until_ready(spawn(*WORKER, env=env))
    # Slower than the edits on any machine: what is edited when it has been verified reopens it, three times at most.
    run_id = enqueue(env, "hash-slowly", "--rows-per-second", "100")
    await wait_until(lambda: rows_done(sql, 1))

    await asyncio.gather(*(edit(database, number) for number in range(EDITORS)))
    stale = "sha256 IS NOT NULL AND sha256 <> encode(sha256(body::bytea), 'hex')"
    stale_meanwhile = await sql.fetchval(f"SELECT count(*) FROM documents WHERE {stale}")  # noqa: S608
    done_meanwhile = await rows_done(sql, 2_000)
    assert backfill("set", run_id, "--rows-per-second", "0", env=env).returncode == 0
    run = await ended(env, run_id)

    assert (stale_meanwhile, done_meanwhile) == (0, False)
    assert (run["state"], await wrong_rows(sql)) == ("succeeded", 0)


async def edit(database: str, number: int) -> None:
    """As an application does that knows of the hash, and leaves it to others half of the time."""
    chance, session = random.Random(number), await asyncpg.connect(database)
    for count in range(EDITS // EDITORS):
        text, row = f"edited by {number} for the {count}th time", chance.randrange(2_000) + 1
        hashed = digest(text) if chance.random() < 0.5 else None
        await session.execute("UPDATE documents SET body = $1, sha256 = $2 WHERE id = $3", text, hashed, row)
    await session.close()


def processes_of(worker: Spawned) -> list[psutil.Process]:
    return psutil.Process(worker.pid).children(recursive=True)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_work_on_the_cpu_keeps_no_heart_from_beating_and_its_processes_end_with_the_worker(
    env: dict[str, str], sql: asyncpg.Connection, spawn_program: Spawn, how: signal.Signals
) -> None:
    await add_documents(sql, 4)
    worker = spawn_program(*WORKER, env=env)
    await until_ready(worker)
    run_id = enqueue(env, "hash-on-the-cpu")
    await wait_until(lambda: rows_done(sql, 2), 30)
    children = await wait_until(lambda: processes_of(worker))

    worker.kill(how)
    await asyncio.to_thread(worker.wait)
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, timeout=10)

    events = backfill("events", run_id, "--json", env=env).stdout
    assert alive == []
    assert '"takeover"' not in events
    assert "Traceback" not in worker.log
