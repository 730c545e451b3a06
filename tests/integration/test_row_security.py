"""Row-level security: whoever is shown a part of the rows is refused, and says what would show them all."""

from __future__ import annotations

import re

import pytest

from backfill.runs.failures import INSUFFICIENT_PRIVILEGE, BatchFailed, Failure
from backfill.sql.database import open_engine
from backfill.sql.transactions import Limits
from tests.conftest import Spawn
from tests.support.cli import BACKFILL, NAME, VALIDATE, WORKER, refusal
from tests.support.commands import run_command
from tests.support.databases import migrate
from tests.support.forked import backfill
from tests.support.roles import Place, find_psql
from tests.support.runs import enqueue, status, until_ready, until_rows_done, wait_for_end
from tests.support.waiting import wait_until
from worker.demo.old_data import OldDataShape, create_old_data
from worker.generations.backfill import GenerationVersions

pytestmark = pytest.mark.skipif(find_psql() is None, reason="docs/roles.sql is a script for psql, and there is none")

HIDE_SOME = (
    "ALTER TABLE generations ENABLE ROW LEVEL SECURITY; ALTER TABLE generations FORCE ROW LEVEL SECURITY;"
    "CREATE POLICY tenants ON generations USING (id < '8')"
)
LIMITS = Limits(
    lock_timeout_ms=500, statement_timeout_ms=5000, scan_timeout_ms=30_000, idle_in_transaction_timeout_ms=5000
)


def statement_in(words: str) -> str:
    """What the remedy says to run, as one would copy it."""
    found = re.search(r"ALTER ROLE \w+ BYPASSRLS", words)
    assert found, words
    return found.group()


@pytest.fixture
async def restricted(after: Place) -> Place:
    """The migrator, whose rights the sync triggers work with, sees everything; worker and api see a part."""
    await after.execute(f"{HIDE_SOME}; ALTER ROLE {after.roles.migrator} BYPASSRLS")
    return after


@pytest.mark.parametrize(
    "command",
    [(*BACKFILL, "enqueue", NAME), (*BACKFILL, "verify"), (*BACKFILL, "preview"), VALIDATE],
    ids=["enqueue", "verify", "preview", "validate"],
)
async def test_a_role_that_sees_a_part_of_the_rows_is_refused_with_the_statement_that_mends_it(
    restricted: Place, command: tuple[str, ...]
) -> None:
    api = restricted.roles.api

    refused = refusal(run_command(*command, env=restricted.env(api)), 6)
    await restricted.execute(statement_in(refused))
    done = run_command(*command, env=restricted.env(api))

    lacks = "lacks BYPASSRLS: row-level security (policy tenants) hides rows of generations from it"
    assert f"the role {api} {lacks}" in refused
    assert done.returncode == 0, done.stderr


async def test_a_worker_that_sees_a_part_of_the_rows_does_not_start(restricted: Place, spawn: Spawn) -> None:
    worker = restricted.roles.worker

    refused = refusal(run_command(*WORKER, env=restricted.env(worker)), 6)
    examined = backfill("doctor", env=restricted.env(worker))
    await restricted.execute(statement_in(refused))
    started = spawn(*WORKER, env=restricted.env(worker))

    assert f"the role {worker} lacks BYPASSRLS" in refused
    assert (examined.returncode, "ERROR    privileges" in examined.stdout) == (6, True)
    await until_ready(started)


async def test_an_owner_whose_own_rows_are_hidden_from_it_is_told_both_ways_out(after: Place) -> None:
    owner = after.roles.owner
    await after.execute(HIDE_SOME)

    refused = refusal(backfill("verify", env=after.env(owner)), 6)
    await after.execute("ALTER TABLE public.generations NO FORCE ROW LEVEL SECURITY")
    done = backfill("verify", env=after.env(owner))

    assert f"ALTER ROLE {owner} BYPASSRLS, or ALTER TABLE public.generations NO FORCE ROW LEVEL SECURITY;" in refused
    assert f"the role {after.roles.migrator}, which the sync triggers work as, lacks BYPASSRLS" in refused
    assert done.returncode == 0, done.stderr


async def test_a_transaction_refuses_rather_than_to_leave_rows_out(restricted: Place) -> None:
    url = restricted.roles.url(restricted.url, restricted.roles.worker)
    engine = open_engine(url, application_name="test", pgbouncer=True)  # where nothing is set for the session

    with pytest.raises(BatchFailed) as refused:
        await GenerationVersions(engine, LIMITS).check_page(None, None, units=10)
    await engine.dispose()

    assert (refused.value.failure, refused.value.sqlstate) == (Failure.SCHEMA, INSUFFICIENT_PRIVILEGE)


async def test_a_policy_that_comes_in_mid_run_pauses_it_and_loses_no_row(before: Place, spawn: Spawn) -> None:
    engine = open_engine(before.url, application_name="test", command_timeout_seconds=None)
    await create_old_data(engine, OldDataShape(projects=300, generations=3_000))
    await engine.dispose()
    migrate(before.roles.url(before.url, before.roles.migrator), "head")
    before.apply()
    worker, api = before.env(before.roles.worker), before.env(before.roles.api)
    await until_ready(spawn(*WORKER, env=worker))
    run_id = enqueue(api, "--batch-rows", "20")["id"]
    await until_rows_done(api, run_id, 100)

    await before.execute(HIDE_SOME)
    await wait_until(lambda: status(api, run_id)["state"] == "paused", 30)
    paused = status(api, run_id)
    before.apply()
    resumed = backfill("resume", run_id, env=api)
    ended = wait_for_end(api, run_id)

    assert "backfill doctor, with the worker's DATABASE_URL, says what to grant" in paused["error"]
    assert paused["quarantined"] == []
    assert resumed.returncode == 0, resumed.stderr
    assert (ended["state"], ended["progress"]["rows_done"]) == ("succeeded", 3_000), ended
    assert await before.fetch("SELECT count(*) FROM generations WHERE storage_path IS NULL") == [(0,)]


async def test_roles_sql_gives_sight_of_every_row_where_rows_are_hidden(before: Place) -> None:
    roles = before.roles
    await before.execute("ALTER TABLE projects ENABLE ROW LEVEL SECURITY")

    before.apply()
    bypassing = await before.fetch(
        "SELECT rolname::text FROM pg_roles WHERE rolbypassrls AND rolname = ANY ($1) ORDER BY 1",
        [roles.migrator, roles.worker, roles.api],
    )

    # Not the migrator: it has joined the owner, from whom nothing is hidden.
    assert bypassing == [(roles.api,), (roles.worker,)]


async def test_a_migrator_that_is_shown_a_part_of_the_rows_is_refused_before_anything_is_changed(before: Place) -> None:
    migrator = before.roles.migrator
    await before.execute(HIDE_SOME)

    refused = run_command("alembic", "upgrade", "head", env=before.env(migrator))
    columns = await before.fetch("SELECT attname FROM pg_attribute WHERE attname = 'latest_version'")
    await before.execute(statement_in(refused.stderr))
    done = run_command("alembic", "upgrade", "head", env=before.env(migrator))

    assert (refused.returncode, columns) == (6, [])
    assert f"row-level security hides rows of generations from the role {migrator}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert done.returncode == 0, done.stderr


async def test_a_live_write_is_refused_rather_than_numbered_by_a_part_of_the_rows(after: Place) -> None:
    roles = after.roles
    await after.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {roles.application}")
    await after.add_live_row()
    await after.execute(f"{HIDE_SOME}; CREATE POLICY application ON generations TO {roles.application} USING (true)")
    second = (
        "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration)"
        " VALUES ('second', 'new', 'user', 'Build it', 'pending', false)"
    )

    for write in (
        second,
        "UPDATE generations SET status = 'failed'; UPDATE generations SET status = 'completed'",
        "UPDATE generations SET project_id = 'other'",
    ):
        assert await after.denied(write, roles.application), write
    await after.execute(f"ALTER ROLE {roles.migrator} BYPASSRLS")
    await after.execute(second, roles.application)

    numbers = await after.fetch("SELECT id, version FROM generations ORDER BY version")
    assert numbers == [("live", 1), ("second", 2)]


async def test_functions_that_would_leave_rows_out_are_out_of_date(after: Place) -> None:
    migrator = after.env(after.roles.migrator)
    await after.execute("ALTER FUNCTION generations_number_before_insert() RESET row_security")

    examined = backfill("doctor", env=migrator)
    mended = backfill("schema", "--apply", env=migrator)
    without = await after.fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
        " AND NOT 'row_security=off' = ANY (proconfig)"
    )

    assert "Run: backfill schema --apply" in examined.stdout
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert without == []
    assert backfill("schema", env=migrator).returncode == 0
