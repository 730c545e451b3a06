"""A dry run says what a run then does, and leaves nothing behind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Spawn
from tests.support.cli import NO_REDIS
from tests.support.forked import backfill
from tests.support.old_rows import OldRows
from tests.support.parametric import NAME, PLACE
from tests.support.poison import POISONS, SECRET, add_poisoned_projects
from tests.support.runs import BACKFILL, WORKER, enqueue, until_ready, wait_for_end

PROJECTS = 80
REFUSED = tuple(poison for poison in POISONS if poison.project_id in ("checked", "raising", "quoting"))
DIGEST = "SELECT md5(string_agg(g::text, '' ORDER BY id)) FROM generations g"


@pytest.fixture
async def spoilt(rows: OldRows) -> OldRows:
    await add_poisoned_projects(rows.connection, projects=PROJECTS)
    for poison in REFUSED:
        await rows.connection.execute(poison.spoil)
    return rows


def dry_run(env: dict[str, str], *options: str, name: str = BACKFILL) -> tuple[int, dict[str, Any], str]:
    done = backfill("dry-run", name, "--json", *options, env=env | {"REDIS_URL": NO_REDIS})
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


async def test_what_it_says_of_all_units_is_what_a_run_does_and_nothing_is_kept(
    spoilt: OldRows, environment: dict[str, str], spawn: Spawn
) -> None:
    before = await spoilt.connection.fetchval(DIGEST)
    code, said, told = dry_run(environment, "--all", "--batch-rows", "50")
    after = await spoilt.connection.fetchval(DIGEST)

    await until_ready(spawn(*WORKER, env=environment))
    run = wait_for_end(environment, enqueue(environment)["id"])

    assert (code, said["complete"], before) == (3, True, after)
    assert said["rows_written"] == said["expected"]["rows_written"] == run["progress"]["rows_written"]
    assert said["units_tried"] == run["progress"]["units_total"]
    groups = {(unit, group["sqlstate"], group["error"]) for group in said["refused"] for unit in group["units"]}
    assert groups == {(unit["unit"], unit["sqlstate"], unit["error"]) for unit in run["quarantined"]}
    assert {unit for unit, *_ in groups} == {poison.project_id for poison in REFUSED}
    assert said["expected"]["seconds"] > 0
    assert said["expected"]["wal_bytes"] > 0
    assert said["verification"]["units_checked"] == said["units_tried"]
    assert "unassigned" in {finding["rule"] for finding in said["verification"]["findings"]}
    assert "3 units of those tried would be quarantined" in told
    assert SECRET not in json.dumps(said)


async def test_a_part_of_the_units_is_scaled_up_to_all_of_them(spoilt: OldRows, environment: dict[str, str]) -> None:
    code, said, _ = dry_run(environment, "--seconds", "0.1", "--pause-ms", "300", "--parallel", "1")

    assert (code in (0, 3), said["complete"]) == (True, False)
    assert 0 < said["units_tried"] < said["units_total"]
    assert said["rows_written"] < said["expected"]["rows_written"]


async def test_it_takes_parameters_and_shows_what_would_be_written(rows: OldRows, environment: dict[str, str]) -> None:
    await rows.add_project("p", minute=0)
    await rows.add_many("p", 30)
    await rows.connection.execute("CREATE TABLE bound (country text, version text, pid int)")
    env = environment | {"BACKFILL_DEFINITIONS": PLACE}

    shown = backfill("dry-run", NAME, "--all", "-p", "country=AT", env=env)

    assert shown.returncode == 0
    for words in ('country="AT"', "writes      30 rows", "refuses     0 units", "ERROR unassigned: 30"):
        assert words in shown.stdout
    assert await rows.connection.fetchval("SELECT country FROM bound") == "AT"
    assert dry_run(env, name=NAME)[0] == 2
