"""A project that takes longer than a statement may, even alone: settled in parts, each with a checkpoint."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from backfill.runs.states import Action, State
from tests.conftest import Spawn
from tests.support.old_rows import OldRows
from tests.support.runs import WORKER, enqueue, until_ready, wait_for_end
from tests.support.watching import Watcher, watching

SLOW_ROWS = 80
CALM_PROJECTS = 10
# 80 rows take 1.2 s, more than twice what a statement may; the parts of 20 rows that they are settled in, 0.3 s.
SLEEP = """
CREATE FUNCTION sleep_a_little() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN PERFORM pg_sleep(0.015); RETURN NEW; END$$;
CREATE TRIGGER slow BEFORE UPDATE ON generations FOR EACH ROW WHEN (NEW.project_id = 'slow')
EXECUTE FUNCTION sleep_a_little()
"""
IMPATIENT = {"BACKFILL_STATEMENT_TIMEOUT_MS": "500"}


@pytest.fixture
async def slow_project(rows: OldRows) -> OldRows:
    """One slow project among ten calm ones of five rows, all of which fit into one batch."""
    await rows.add_project("slow", minute=5)
    await rows.add_many("slow", SLOW_ROWS)
    for number in range(CALM_PROJECTS):
        await rows.add_project(f"p{number}", minute=number)
        await rows.add_many(f"p{number}", 5)
    await rows.connection.execute(SLEEP)
    return rows


@pytest.fixture
async def watcher(environment: dict[str, str]) -> AsyncIterator[Watcher]:
    async with watching(environment) as opened:
        yield opened


async def test_it_is_settled_in_parts_and_counted_once(
    slow_project: OldRows, environment: dict[str, str], spawn: Spawn
) -> None:
    await until_ready(spawn(*WORKER, env=environment | IMPATIENT))

    run = wait_for_end(environment, enqueue(environment)["id"])

    assert run["state"] == "succeeded", run
    assert run["progress"]["rows_done"] == run["progress"]["rows_written"] == SLOW_ROWS + 5 * CALM_PROJECTS
    assert run["progress"]["units_done"] == CALM_PROJECTS + 1
    assert sorted((await slow_project.versions("slow")).values()) == list(range(1, SLOW_ROWS + 1))


async def test_a_pause_does_not_wait_for_it_and_a_cancelled_run_settles_it_first(
    slow_project: OldRows, environment: dict[str, str], spawn: Spawn, watcher: Watcher
) -> None:
    await until_ready(spawn(*WORKER, env=environment | IMPATIENT))
    run_id = enqueue(environment, "--pause-ms", "1000")["id"]
    await watcher.until_rows(run_id, 5 * CALM_PROJECTS + 20)

    await watcher.control.act(run_id, Action.PAUSE, who="test")
    paused = await watcher.until_state(run_id, State.PAUSED)
    numbered = len(await slow_project.versions("slow"))
    await watcher.control.act(run_id, Action.CANCEL, who="test")
    run = wait_for_end(environment, run_id)

    assert 0 < numbered < SLOW_ROWS
    assert paused.counts.rows_done == 5 * CALM_PROJECTS + numbered
    assert run["state"] == "cancelled", json.dumps(run)
    assert sorted((await slow_project.versions("slow")).values()) == list(range(1, SLOW_ROWS + 1))
    assert (await slow_project.project("slow"))[0] == SLOW_ROWS
