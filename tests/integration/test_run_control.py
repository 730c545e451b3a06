"""An operator's commands on a run that real workers are at."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from backfill.runs.states import State
from tests.conftest import Spawn
from tests.support.cli import Done, refusal
from tests.support.forked import backfill
from tests.support.old_rows import OldRows
from tests.support.runs import WORKER, enqueue, until_ready, wait_for_end
from tests.support.waiting import wait_until
from tests.support.watching import Watcher, watching

BATCH_ROWS = 10
SMALL_PROJECTS = 60
ROWS_EACH = 5
GIANT_ROWS = 3_000
# So slowly that a command arrives in time on a busy machine too.
SLOWLY = ("--batch-rows", str(BATCH_ROWS), "--pause-ms", "1000", "--parallel", "2")
HALF_DONE = (
    "SELECT p.id FROM projects AS p JOIN generations AS g ON g.project_id = p.id GROUP BY p.id"
    " HAVING count(g.storage_path) NOT IN (0, count(*)) OR (p.latest_version > 0) <> (count(g.storage_path) > 0)"
)


@pytest.fixture
async def projects(rows: OldRows) -> OldRows:
    """Sixty projects of five generations."""
    for number in range(SMALL_PROJECTS):
        await rows.add_project(f"p{number:02}", minute=number)
        await rows.add_many(f"p{number:02}", ROWS_EACH)
    return rows


@pytest.fixture
async def watcher(environment: dict[str, str]) -> AsyncIterator[Watcher]:
    async with watching(environment) as opened:
        yield opened


def document(done: Done) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def act(command: str, env: dict[str, str]) -> dict[str, Any]:
    return document(backfill(command, "--json", env=env))


async def test_a_pause_takes_effect_within_one_batch_of_each_range(
    projects: OldRows, environment: dict[str, str], spawn: Spawn, watcher: Watcher
) -> None:
    await until_ready(spawn(*WORKER, env=environment))
    run_id = enqueue(environment, *SLOWLY)["id"]
    await watcher.until_rows(run_id, 40)

    asked = act("pause", environment)
    paused = await watcher.until_state(run_id, State.PAUSED)

    assert asked["state"] in ("pausing", "paused")
    assert paused.counts.rows_done - asked["progress"]["rows_done"] <= 2 * BATCH_ROWS
    assert paused.counts.rows_done < SMALL_PROJECTS * ROWS_EACH


async def test_a_pause_outlives_the_workers_and_a_resumed_run_goes_on_from_its_cursors(
    projects: OldRows, environment: dict[str, str], spawn: Spawn, watcher: Watcher
) -> None:
    first = spawn(*WORKER, env=environment)
    await until_ready(first)
    run_id = enqueue(environment, *SLOWLY)["id"]
    await watcher.until_rows(run_id, 40)
    act("pause", environment)
    paused = await watcher.until_state(run_id, State.PAUSED)

    first.kill(signal.SIGTERM)
    first.wait()
    await until_ready(spawn(*WORKER, env=environment))
    resumed = act("resume", environment)
    await watcher.control.set_pace(run_id, {"pause_ms": 0}, who="test")

    assert resumed["progress"]["rows_done"] == paused.counts.rows_done
    run = wait_for_end(environment, run_id)
    assert run["state"] == "succeeded"
    assert run["progress"]["rows_done"] == run["progress"]["rows_written"] == SMALL_PROJECTS * ROWS_EACH
    assert run["progress"]["paused_seconds"] > 0


def test_repeated_commands_are_harmless(environment: dict[str, str], rows: OldRows) -> None:
    enqueue(environment)

    answers = [
        act(command, environment)["state"] for command in ("pause", "pause", "resume", "resume", "cancel", "cancel")
    ]

    assert answers == ["paused", "paused", "queued", "queued", "cancelled", "cancelled"]


def test_impossible_commands_are_refused_with_what_is_possible(environment: dict[str, str], rows: OldRows) -> None:
    run_id = enqueue(environment)["id"]
    act("pause", environment)

    while_paused = refusal(backfill("retry", env=environment), 5)
    act("cancel", environment)
    when_cancelled = [refusal(backfill(command, env=environment), 5) for command in ("pause", "resume", "retry")]

    assert f"Run {run_id} is paused: retry is not possible. Possible now: resume, cancel." in while_paused
    assert all("is cancelled" in words for words in when_cancelled)
    assert all("Possible now: a new run (backfill enqueue generation-versions)." in words for words in when_cancelled)


def test_one_run_of_a_backfill_is_active_at_a_time(environment: dict[str, str], rows: OldRows) -> None:
    run_id = enqueue(environment)["id"]

    refused = refusal(backfill("enqueue", "generation-versions", env=environment), 5)

    assert f"Run {run_id} of generation-versions is active" in refused


def test_the_same_idempotency_key_gives_the_same_run(environment: dict[str, str], rows: OldRows) -> None:
    first = enqueue(environment, "--idempotency-key", "deploy-7")
    act("cancel", environment)

    repeated = enqueue(environment, "--idempotency-key", "deploy-7")
    another = enqueue(environment, "--idempotency-key", "deploy-8")

    assert repeated["id"] == first["id"]
    assert another["id"] != first["id"]


async def test_a_cancelled_run_finishes_the_giant_project_it_began_and_touches_no_other(
    projects: OldRows, environment: dict[str, str], spawn: Spawn, watcher: Watcher
) -> None:
    await projects.add_project("giant", minute=SMALL_PROJECTS)
    await projects.add_many("giant", GIANT_ROWS)
    await projects.add_project("after", minute=SMALL_PROJECTS + 1)
    await projects.add_many("after", ROWS_EACH)
    await until_ready(spawn(*WORKER, env=environment))
    run_id = enqueue(environment, "--batch-rows", "100", "--pause-ms", "300", "--parallel", "1")["id"]
    await wait_until(lambda: projects.versions("giant"), 60)

    cancelling = act("cancel", environment)
    cancelled = await watcher.until_state(run_id, State.CANCELLED)

    assert cancelling["state"] == "cancelling"
    assert await projects.connection.fetch(HALF_DONE) == []
    assert list((await projects.versions("giant")).values()) == list(range(1, GIANT_ROWS + 1))
    assert await projects.project("giant") == (GIANT_ROWS, f"giant-{GIANT_ROWS:06}")
    assert await projects.versions("after") == {}
    assert backfill("wait", run_id, env=environment).returncode == 3
    second = wait_for_end(environment, enqueue(environment)["id"])
    assert second["state"] == "succeeded"
    total = SMALL_PROJECTS * ROWS_EACH + GIANT_ROWS + ROWS_EACH
    assert cancelled.counts.rows_written + second["progress"]["rows_written"] == total


async def test_units_that_live_traffic_holds_are_shown_and_do_not_hold_up_the_rest(
    projects: OldRows,
    environment: dict[str, str],
    spawn: Spawn,
    watcher: Watcher,
    application: asyncpg.Connection,
) -> None:
    await until_ready(spawn(*WORKER, env=environment))

    async with application.transaction():
        await application.execute("SELECT FROM projects WHERE id = 'p03' FOR NO KEY UPDATE")
        await application.execute("SELECT FROM generations WHERE id = 'p07-000002' FOR UPDATE")
        run_id = enqueue(environment)["id"]
        rest = (SMALL_PROJECTS - 2) * ROWS_EACH
        during = await watcher.until(
            run_id, lambda run: run.counts.rows_done == rest and all(unit.tries > 1 for unit in run.contended)
        )
        shown = document(backfill("status", run_id, "--json", env=environment))["contended"]
        waited = backfill("wait", run_id, "--timeout", "1", env=environment)

    run = wait_for_end(environment, run_id)
    assert during.state is State.RUNNING
    assert {unit["unit"] for unit in shown} == {"p03", "p07"}
    assert all(unit["seconds"] > 0 and unit["tries"] >= 2 for unit in shown)
    assert waited.returncode == 8
    assert run["state"] == "succeeded"
    assert run["contended"] == []
    assert run["progress"]["rows_written"] == SMALL_PROJECTS * ROWS_EACH


async def test_the_parts_of_a_giant_project_are_counted_once_whatever_comes_between_them(
    projects: OldRows,
    environment: dict[str, str],
    spawn: Spawn,
    watcher: Watcher,
    application: asyncpg.Connection,
) -> None:
    """A contended unit of the same range is tried at the beginning of every slice, between two parts of the giant."""
    await projects.add_project("giant", minute=SMALL_PROJECTS)
    await projects.add_many("giant", GIANT_ROWS)
    env = environment | {"BACKFILL_SLICE_SECONDS": "0.3"}
    await until_ready(spawn(*WORKER, env=env))

    async with application.transaction():
        await application.execute("SELECT FROM projects WHERE id = 'p03' FOR NO KEY UPDATE")
        run_id = enqueue(env, "--batch-rows", "100", "--pause-ms", "100", "--parallel", "1")["id"]
        await watcher.until_rows(run_id, 1_500)
        act("pause", env)
        paused = await watcher.until_state(run_id, State.PAUSED)
        assigned = await projects.connection.fetchval("SELECT count(storage_path) FROM generations")

    act("resume", env)
    run = wait_for_end(env, run_id)
    assert paused.counts.rows_done == assigned
    assert run["state"] == "succeeded"
    assert run["progress"]["rows_done"] == SMALL_PROJECTS * ROWS_EACH + GIANT_ROWS
