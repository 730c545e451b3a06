"""docs/roles.sql as an administrator applies it: everything works under its roles, and nothing more."""

from __future__ import annotations

import asyncio
import re

import asyncpg
import pytest

from backfill.sql.database import open_engine
from tests.conftest import Spawn
from tests.support.cli import NAME, WORKER, refusal
from tests.support.commands import run_command
from tests.support.databases import migrate
from tests.support.forked import backfill
from tests.support.roles import Place, find_psql
from tests.support.runs import enqueue, until_ready, wait_for_end
from worker.demo.old_application import OldApplication, Traffic
from worker.demo.old_data import OldDataShape, create_old_data
from worker.generations.rights import READING, WRITING

pytestmark = pytest.mark.skipif(find_psql() is None, reason="docs/roles.sql is a script for psql, and there is none")

DENIED_TO_BOTH = (
    "SELECT prompt FROM generations",
    "SELECT * FROM generations",
    "SELECT name FROM projects",
    "SELECT email FROM users",
    "SELECT count(*) FROM artifacts",
    "INSERT INTO projects (id) VALUES ('x')",
    "INSERT INTO generations (id) VALUES ('x')",
    "DELETE FROM generations",
    "DELETE FROM projects",
    "TRUNCATE generations CASCADE",
    "UPDATE generations SET prompt = ''",
    "UPDATE generations SET status = 'failed'",
    "UPDATE projects SET created_at = now()",
    "UPDATE alembic_version SET version_num = ''",
    "CREATE TABLE public.x ()",
    "CREATE SCHEMA x",
    "CREATE INDEX ON generations (status)",
    "ALTER TABLE generations ADD COLUMN x integer",
    "ALTER TABLE generations DISABLE TRIGGER generations_number_before_insert",
    "CREATE OR REPLACE FUNCTION public.generations_activate_completed() RETURNS trigger LANGUAGE sql AS ''",
    "DROP TABLE generations",
)
DENIED_TO_API = (
    "UPDATE projects SET latest_version = 1",
    "UPDATE generations SET version = 1",
    "UPDATE generations SET is_active = true",
    "SELECT id FROM projects FOR NO KEY UPDATE",
    "SELECT id FROM generations FOR KEY SHARE",
)
RIGHTS = (
    "SELECT p.privilege, c.relname || '.' || a.attname AS place"
    " FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND NOT a.attisdropped"
    " CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS p (privilege)"
    " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
    " AND has_column_privilege($1::name, c.oid, a.attnum, p.privilege)"
)


async def test_migration_run_and_verification_work_under_their_roles_while_the_application_writes(
    before: Place, spawn: Spawn
) -> None:
    roles = before.roles
    engine = open_engine(before.url, application_name="test", command_timeout_seconds=None)
    await create_old_data(engine, OldDataShape(projects=1_000, generations=10_000))
    await engine.dispose()
    traffic = Traffic(connections=4, transactions_per_second=200, deletes_percent=1)

    async with OldApplication(roles.url(before.url, roles.application), traffic) as application:
        application.phase("migration")
        await asyncio.to_thread(migrate, roles.url(before.url, roles.migrator), "head")
        await asyncio.to_thread(before.apply)
        application.phase("backfill")
        worker = spawn(*WORKER, env=before.env(roles.worker))
        await until_ready(worker)
        api = before.env(roles.api)
        run = await asyncio.to_thread(lambda: wait_for_end(api, enqueue(api, "--batch-rows", "200")["id"]))
        during = [application.summary("migration"), application.summary("backfill")]
    verified = backfill("verify", env=api)

    assert run["state"] == "succeeded", run
    assert run["progress"]["rows_written"] >= 9_000
    assert [summary.failures for summary in during] == [(), ()], during
    assert all(summary.transactions > 0 for summary in during)
    assert verified.returncode == 0, verified.stdout
    assert "Traceback" not in worker.log


async def test_worker_and_api_may_do_nothing_else(after: Place) -> None:
    async def allowed(role: str, statements: tuple[str, ...]) -> list[str]:
        return [statement for statement in statements if not await after.denied(statement, role)]

    assert await allowed(after.roles.worker, DENIED_TO_BOTH) == []
    assert await allowed(after.roles.api, DENIED_TO_BOTH + DENIED_TO_API) == []


async def test_the_rights_given_are_those_that_the_preflight_asks_for(after: Place) -> None:
    async def rights(role: str) -> set[tuple[str, str]]:
        return {(str(privilege), str(place)) for privilege, place in await after.fetch(RIGHTS, role)}

    reading = {(need.privilege, f"{need.table}.{column}") for need in READING for column in need.columns}
    writing = {(need.privilege, f"{need.table}.{column}") for need in WRITING for column in need.columns}
    revision = {("SELECT", "alembic_version.version_num")}

    assert await rights(after.roles.api) == reading | revision
    assert await rights(after.roles.worker) == reading | writing | revision


async def test_a_worker_that_may_not_write_does_not_start_and_says_what_to_grant(after: Place, spawn: Spawn) -> None:
    worker = after.roles.worker
    await after.execute(f"REVOKE UPDATE (latest_version), SELECT (ctid) ON projects FROM {worker}")  # noqa: S608 - a name of ours

    refused = refusal(run_command(*WORKER, env=after.env(worker)), 6)
    await after.execute(grants_in(refused))
    started = spawn(*WORKER, env=after.env(worker))

    assert f"the role {worker} lacks SELECT (ctid) on projects" in refused
    assert f"the role {worker} lacks UPDATE (latest_version) on projects" in refused
    await until_ready(started)


@pytest.mark.parametrize("command", [("enqueue", NAME), ("verify",)], ids=" ".join)
async def test_a_missing_right_to_read_is_named_before_anything_starts(after: Place, command: tuple[str, ...]) -> None:
    api = after.roles.api
    await after.execute(f"REVOKE SELECT (status, version) ON generations FROM {api}")  # noqa: S608 - a name of ours

    refused = refusal(backfill(*command, env=after.env(api)), 6)
    examined = backfill("doctor", env=after.env(api))
    await after.execute(grants_in(refused))
    done = backfill(*command, env=after.env(api))

    assert f"the role {api} lacks SELECT (status, version) on generations" in refused
    assert examined.returncode == 6
    assert f"ERROR    privileges  Rights are missing for {NAME}: the role {api} lacks" in examined.stdout
    assert done.returncode == 0, done.stderr


async def test_a_role_that_does_not_reach_the_schema_is_told_so(after: Place) -> None:
    api = after.roles.api
    await after.execute(f"REVOKE USAGE ON SCHEMA public FROM PUBLIC, {api}")

    refused = refusal(backfill("enqueue", NAME, env=after.env(api)), 6)

    assert f"the role {api} lacks USAGE on schema public" in refused
    assert grants_in(refused) == f"GRANT USAGE ON SCHEMA public TO {api};"


async def test_doctor_tells_a_role_that_reads_from_one_that_writes(after: Place) -> None:
    reading = backfill("doctor", env=after.env(after.roles.api))
    writing = backfill("doctor", env=after.env(after.roles.worker))

    assert (reading.returncode, writing.returncode) == (0, 0)
    assert "privileges  this role reads what it has to and writes nothing" in reading.stdout
    assert "privileges  this role reads and writes what a worker has to" in writing.stdout


async def test_the_next_releases_missing_rights_are_a_warning_because_live_writes_do_not_need_them(
    after: Place,
) -> None:
    application = after.roles.application
    missing = f"the role {application}, which inserts generations, lacks SELECT (latest_version, active_generation_id)"

    examined = backfill("doctor", env=after.env(after.roles.api))
    enqueued = backfill("enqueue", NAME, env=after.env(after.roles.api))
    await after.add_live_row()
    await after.execute(grants_in(examined.stdout))
    examined_again = backfill("doctor", env=after.env(after.roles.api))

    assert (examined.returncode, enqueued.returncode) == (0, 0)
    assert missing in line_of("WARNING  privileges", examined.stdout)
    assert missing in enqueued.stderr
    assert await after.fetch("SELECT version FROM generations WHERE id = 'live'") == [(1,)]
    assert application not in examined_again.stdout


async def test_triggers_that_work_with_the_applications_rights_make_its_missing_ones_an_error(after: Place) -> None:
    application = after.roles.application
    await after.execute("ALTER FUNCTION public.generations_number_before_insert() SECURITY INVOKER")

    refused = refusal(backfill("enqueue", NAME, env=after.env(after.roles.api)), 6)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await after.add_live_row()
    await after.execute(grants_in(refused))
    await after.add_live_row()

    assert f"the role {application}, which inserts generations, lacks SELECT (latest_version" in refused
    assert "lacks UPDATE (latest_version, active_generation_id) on projects" in refused
    assert backfill("enqueue", NAME, env=after.env(after.roles.api)).returncode == 0


async def test_an_owner_of_the_triggers_functions_that_lost_its_rights_is_named(after: Place) -> None:
    migrator = after.roles.migrator
    await after.execute(f"REVOKE {after.roles.owner} FROM {migrator}")

    refused = refusal(backfill("enqueue", NAME, env=after.env(after.roles.api)), 6)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await after.add_live_row()
    await after.execute(grants_in(refused))
    await after.add_live_row()
    await after.execute(
        "UPDATE generations SET status = 'completed' WHERE id = 'live';"
        "UPDATE generations SET project_id = 'other' WHERE id = 'live';",
        after.roles.application,
    )

    assert f"the role {migrator}, which the sync triggers work as, lacks SELECT (id, latest_version" in refused
    assert backfill("enqueue", NAME, env=after.env(after.roles.api)).returncode == 0


async def test_what_a_superuser_owns_is_handed_to_the_migrator(superusers: Place) -> None:
    roles = superusers.roles
    migrate(superusers.url, "head")
    said = superusers.apply()
    await superusers.set_passwords()
    again = superusers.apply()

    migrate(roles.url(superusers.url, roles.migrator), "head")
    owners = await superusers.fetch(
        "SELECT DISTINCT pg_get_userbyid(proowner)::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )

    assert said.stderr == again.stderr == ""
    assert owners == [(roles.migrator,)]
    assert backfill("enqueue", NAME, env=superusers.env(roles.api)).returncode == 0


async def test_the_script_says_what_everybody_may_do(superusers: Place) -> None:
    await superusers.execute("GRANT CREATE ON SCHEMA public TO PUBLIC; GRANT SELECT ON generations TO PUBLIC")

    said = superusers.apply().stderr

    assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC;" in said
    assert "REVOKE SELECT ON public.generations FROM PUBLIC;" in said
    assert "The migration has not been run" in said


def grants_in(words: str) -> str:
    """What the remedy says to run, as one would copy it."""
    return " ".join(re.findall(r"GRANT [^;]*;", words))


def line_of(beginning: str, output: str) -> str:
    return next(line for line in output.splitlines() if line.startswith(beginning))
