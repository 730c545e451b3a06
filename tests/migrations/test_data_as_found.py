"""What another revision has written into the columns before the backfill: what becomes of it is what the guide says."""

from __future__ import annotations

from typing import Any

from backfill.engine.checking import check_everything
from backfill.sql.database import open_engine
from backfill.sql.transactions import Limits
from tests.conftest import Connect, Spawn
from tests.migrations.test_migration_guide import GUIDE_FILE
from tests.migrations.test_schema_as_found import ANOTHER_REVISION
from tests.support.documents import Page
from tests.support.forked import backfill
from tests.support.old_rows import OldRows
from tests.support.runs import WORKER, enqueue, until_ready, wait_for_end
from worker.generations.backfill import GenerationVersions

WRITTEN = """
    UPDATE generations SET version = right(id, 1)::int WHERE project_id IN ('complete', 'counted');
    UPDATE generations SET storage_path = './storage/projects/' || id, is_active = (id = 'complete-3')
     WHERE project_id = 'complete';
    UPDATE projects SET latest_version = 3, active_generation_id = 'complete-3' WHERE id = 'complete';
    UPDATE projects SET latest_version = 3 WHERE id = 'counted';
    UPDATE generations SET version = 1, storage_path = './elsewhere/' || id, is_active = false
     WHERE project_id IN ('ones', 'given back');
    UPDATE projects SET latest_version = 1 WHERE id IN ('ones', 'given back');
"""


def to_give_back(project: str) -> str:
    (statements,) = [fence.text for fence in Page(GUIDE_FILE).fences if "SET storage_path = NULL" in fence.text]
    return statements.replace("a project", project)


async def test_what_another_revision_wrote_becomes_what_the_guide_says(
    database_e011: str, connect: Connect, environment_e011: dict[str, str], spawn: Spawn
) -> None:
    rows = OldRows(await connect(database_e011))
    await rows.add_user()
    for project in ("blank", "complete", "counted", "ones", "given back"):
        await rows.add_project(project)
        await rows.add(project, *((f"{project}-{n}", "completed", n) for n in (1, 2, 3)))
    await rows.connection.execute(ANOTHER_REVISION + WRITTEN + to_give_back("given back"))

    applied = backfill("schema", "--apply", env=environment_e011)
    await until_ready(spawn(*WORKER, env=environment_e011))
    run = wait_for_end(environment_e011, enqueue(environment_e011)["id"])

    assert applied.returncode == 0, applied.stdout + applied.stderr
    for project in ("blank", "complete", "given back"):
        assert list((await rows.versions(project)).values()) == [1, 2, 3]
    assert list((await rows.versions("counted")).values()) == [4, 5, 6]
    assert list((await rows.versions("ones")).values()) == [1, 1, 1]
    assert run["state"] == "failed"
    found = {finding["rule"]: finding for finding in run["verification"]["findings"]}
    assert {rule for rule, finding in found.items() if finding["severity"] == "error"} == {"duplicate_versions"}
    assert found["duplicate_versions"]["examples"] == ["ones"]
    assert found["gaps"]["examples"] == ["counted"]


async def test_data_that_cannot_be_read_in_time_for_want_of_an_index_is_unchecked_and_no_failure(
    database: str, connect: Connect
) -> None:
    rows = OldRows(await connect(database))
    await rows.add_user()
    await rows.add_project("p")
    await rows.connection.execute("DROP INDEX ix_generations_project_id_created_at_id")
    await rows.add_many("p", 3_000)
    limits: dict[str, Any] = {"lock_timeout_ms": 500, "statement_timeout_ms": 5000}
    limits |= {"scan_timeout_ms": 1, "idle_in_transaction_timeout_ms": 5000}
    engine = open_engine(database, application_name="test")

    units, findings = await check_everything(GenerationVersions(engine, Limits(**limits)))
    await engine.dispose()

    assert units == 0
    assert [(finding.rule, finding.hides_data) for finding in findings] == [("indexes", True)]
