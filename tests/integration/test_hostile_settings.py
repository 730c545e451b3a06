"""What an administrator has set for a role or a database: what is relied on here is set here, whatever it was."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from backfill.sql.database import open_engine
from tests.conftest import Spawn
from tests.migrations.support import HEAD, alembic
from tests.support.cli import WORKER
from tests.support.databases import migrate
from tests.support.pgbouncer import find_pgbouncer, pgbouncer_in_front_of
from tests.support.roles import Place, find_psql
from tests.support.runs import enqueue, until_ready, wait_for_end
from worker.demo.old_data import OldDataShape, create_old_data

pytestmark = pytest.mark.skipif(find_psql() is None, reason="docs/roles.sql is a script for psql, and there is none")

SETTINGS = {
    "search_path": "elsewhere",
    "default_transaction_isolation": "'serializable'",
    "default_transaction_deferrable": "on",
    "statement_timeout": "'1ms'",
    "lock_timeout": "'1ms'",
    "idle_in_transaction_session_timeout": "'1ms'",
    "idle_session_timeout": "'10ms'",
    "transaction_timeout": "'200ms'",  # the first statement of a transaction ends it
    "work_mem": "'64kB'",
    "row_security": "on",
    "DateStyle": "'German'",
    "TimeZone": "'Pacific/Chatham'",
}
# Found before the right ones by whoever does not say where his tables are.
DECOYS = (
    "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.projects (id integer);"
    "CREATE TABLE elsewhere.generations (id integer);"
    "GRANT USAGE ON SCHEMA elsewhere TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA elsewhere TO PUBLIC"
)


def settings_of(role: str) -> str:
    return ";".join(f"ALTER ROLE {role} SET {name} = {value}" for name, value in SETTINGS.items())


async def make_old_data(place: Place) -> None:
    engine = open_engine(place.url, application_name="test", command_timeout_seconds=None)
    await create_old_data(engine, OldDataShape(projects=100, generations=1_000))
    await engine.dispose()


async def test_migration_run_and_verification_are_right_whatever_their_roles_are_set_to(
    before: Place, spawn: Spawn
) -> None:
    roles = before.roles
    await make_old_data(before)
    await before.execute(DECOYS)
    await before.execute(";".join(settings_of(role) for role in (roles.migrator, roles.worker, roles.api)))

    migrate(roles.url(before.url, roles.migrator), "head")
    before.apply()
    await until_ready(spawn(*WORKER, env=before.env(roles.worker)))
    api = before.env(roles.api)
    run = wait_for_end(api, enqueue(api)["id"])

    assert (run["state"], run["progress"]["rows_written"]) == ("succeeded", 1_000), run
    assert await before.fetch("SELECT count(*) FROM generations WHERE storage_path IS NULL") == [(0,)]


@pytest.mark.skipif(find_pgbouncer() is None, reason="pgbouncer is not installed")
async def test_an_empty_search_path_stands_in_nobodys_way_behind_pgbouncer(database_e011: str) -> None:
    name = urlsplit(database_e011).path.removeprefix("/")
    place = Place(url=database_e011, redis_url="", roles=None)  # type: ignore[arg-type]  # for its statements alone
    await place.execute(f"ALTER DATABASE {name} SET search_path = ''")

    with pgbouncer_in_front_of(database_e011) as through:
        there = alembic("upgrade", "head", url=through, BACKFILL_PGBOUNCER="true")
        now = alembic("current", url=through, BACKFILL_PGBOUNCER="true")

    assert there.returncode == 0, there.stderr
    assert now.stdout == f"{HEAD} (head)\n"


@pytest.mark.parametrize("path", ["''", "elsewhere", '"$user"', "elsewhere, public"])
async def test_everything_is_made_in_public_whatever_the_search_path(before: Place, path: str) -> None:
    migrator = before.roles.migrator
    await before.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE SCHEMA elsewhere")
    await before.execute(
        f"GRANT CREATE, USAGE ON SCHEMA public, elsewhere TO {migrator}; ALTER ROLE {migrator} SET search_path = {path}"
    )

    migrate(before.roles.url(before.url, migrator), "head")
    schemas = await before.fetch(
        "SELECT DISTINCT relnamespace::regnamespace::text FROM pg_class"
        " WHERE relname IN ('alembic_version', 'projects', 'generations', 'ix_projects_created_at_id')"
    )

    assert schemas == [("public",)]


async def test_a_version_table_that_was_made_elsewhere_is_found_again(before: Place) -> None:
    migrator = before.roles.migrator
    await before.execute(
        f"CREATE SCHEMA elsewhere; GRANT USAGE ON SCHEMA elsewhere TO {migrator};"
        f"ALTER TABLE alembic_version SET SCHEMA elsewhere; ALTER ROLE {migrator} SET search_path = elsewhere, public"
    )

    migrate(before.roles.url(before.url, migrator), "head")

    assert await before.fetch("SELECT version_num FROM elsewhere.alembic_version") == [(HEAD,)]
    assert await before.fetch("SELECT to_regclass('public.alembic_version')") == [(None,)]


async def test_who_may_create_nothing_in_public_is_told_whom_to_ask(before: Place) -> None:
    migrator = before.roles.migrator
    await before.execute(f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {migrator}")
    env = before.env(migrator)

    refused = alembic("upgrade", "head", url=env["DATABASE_URL"])

    assert refused.returncode == 6, refused.stderr
    assert f"error: The role {migrator} may not create anything in schema public. Run: GRANT CREATE" in refused.stderr
    assert "Traceback" not in refused.stderr
