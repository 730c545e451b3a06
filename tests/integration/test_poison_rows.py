"""Rows that cannot be written: found one by one, listed with the reason, never in the way of the others."""

from __future__ import annotations

import json

from tests.conftest import Spawn
from tests.support.forked import backfill
from tests.support.old_rows import OldRows
from tests.support.poison import GIANT_ROWS, HARMLESS, POISONS, SECRET, add_poisoned_projects
from tests.support.runs import WORKER, enqueue, status, until_ready, wait_for_end

ORDINARY_PROJECTS = 1_000
UNITS = ORDINARY_PROJECTS + len(HARMLESS) + len(POISONS)
ROWS = 2 * ORDINARY_PROJECTS + 2 * len(HARMLESS) + 3 * (len(POISONS) - 1) + GIANT_ROWS
UNSETTLED = (
    "SELECT id FROM projects AS p WHERE latest_version = 0"
    " OR EXISTS (SELECT FROM generations WHERE project_id = p.id AND storage_path IS NULL)"
)
OUT_OF_ORDER = (
    "SELECT id FROM (SELECT id, version, storage_path, row_number() OVER"
    " (PARTITION BY project_id ORDER BY created_at, id) AS place FROM generations) AS g"
    " WHERE version <> place OR storage_path IS DISTINCT FROM './storage/projects/' || id"
)


async def test_poison_rows_are_listed_the_rest_is_settled_and_a_retry_after_mending_ends_it(
    rows: OldRows, environment: dict[str, str], spawn: Spawn
) -> None:
    await add_poisoned_projects(rows.connection, projects=ORDINARY_PROJECTS)
    for poison in POISONS:
        await rows.connection.execute(poison.spoil)
    env = environment | {"BACKFILL_STATEMENT_TIMEOUT_MS": "1000", "BACKFILL_BATCH_ROWS": "100"}
    worker = spawn(*WORKER, env=env)
    await until_ready(worker)

    failed = wait_for_end(env, enqueue(env)["id"])
    waited = backfill("wait", failed["id"], env=env)
    listed = backfill("quarantined", env=env).stdout
    groups = json.loads(backfill("quarantined", "--json", env=env).stdout)["groups"]
    unsettled = {row["id"] for row in await rows.connection.fetch(UNSETTLED)}
    for poison in POISONS:
        await rows.connection.execute(poison.mend)
    retried = backfill("retry", failed["id"], env=env)
    mended = wait_for_end(env, failed["id"])

    assert (failed["state"], waited.returncode) == ("failed", 3)
    assert f"{len(POISONS)} units are quarantined" in failed["error"]
    assert {unit["unit"]: (unit["sqlstate"], unit["constraint"]) for unit in failed["quarantined"]} == {
        poison.project_id: (poison.sqlstate, "made_up" if poison.project_id == "giant" else poison.constraint)
        for poison in POISONS
    }
    assert all(unit["error"] and SECRET not in unit["error"] for unit in failed["quarantined"])
    assert {unit["unit"] for group in groups for unit in group["units"]} == {poison.project_id for poison in POISONS}
    assert all(f"\n  {poison.project_id}\n" in listed for poison in POISONS)
    assert f"backfill retry {failed['id']}" in listed
    assert unsettled == {poison.project_id for poison in POISONS}
    assert failed["progress"]["units_done"] == UNITS - len(POISONS)
    assert retried.returncode == 0
    assert (mended["state"], mended["quarantined"]) == ("succeeded", []), mended
    assert (mended["progress"]["units_done"], mended["progress"]["rows_done"]) == (UNITS, ROWS)
    assert mended["progress"]["rows_written"] == ROWS
    assert await rows.connection.fetch(OUT_OF_ORDER) == []
    assert "Traceback" not in worker.log


async def test_an_update_that_is_silently_suppressed_is_found_by_verification(
    rows: OldRows, environment: dict[str, str], spawn: Spawn
) -> None:
    for project_id in ("good", "ghost"):
        await rows.add_project(project_id)
        await rows.add_many(project_id, 3)
    await rows.connection.execute(
        "CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;"
        " CREATE TRIGGER suppress BEFORE UPDATE ON generations FOR EACH ROW"
        " WHEN (OLD.id = 'ghost-000002') EXECUTE FUNCTION suppress()"
    )
    await until_ready(spawn(*WORKER, env=environment))

    failed = wait_for_end(environment, enqueue(environment)["id"])
    await rows.connection.execute("DROP FUNCTION suppress CASCADE")
    retried = backfill("retry", failed["id"], env=environment)
    mended = wait_for_end(environment, failed["id"])

    examples = {finding["rule"]: finding["examples"] for finding in failed["verification"]["findings"]}
    assert failed["state"] == "failed"
    assert examples["unassigned"] == ["ghost"]
    assert retried.returncode == 0
    assert mended["state"] == "succeeded", mended
    assert await rows.unassigned("ghost") == []
    assert status(environment, failed["id"])["progress"]["rows_done"] == 6
