"""Databases that came to these columns by another way than the migration here, and the command that adds the rest."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.conftest import Connect, Spawn
from tests.migrations.support import HEAD, Application, alembic, psql
from tests.migrations.test_killed_migrations import Barrier, add_old_data, kill_before
from tests.support.commands import environment_for
from tests.support.forked import backfill
from tests.support.live_traffic import live_traffic
from tests.support.waiting import wait_until

NO_REDIS = "redis://127.0.0.1:1/0"
NAME = "generation-versions"
# As somebody's own revision of the same name may have left it: nothing but the columns, and those not quite.
ANOTHER_REVISION = """
    ALTER TABLE generations ADD version integer, ADD version_name varchar(50), ADD is_active boolean,
        ADD storage_path varchar(500), ADD file_count integer, ADD total_size_bytes bigint,
        ADD diff_from_previous text, ADD changes_summary jsonb;
    ALTER TABLE projects ADD latest_version integer, ADD active_generation_id varchar(36);
    ALTER TABLE projects ADD CONSTRAINT another_name FOREIGN KEY (active_generation_id) REFERENCES generations (id);
    CREATE INDEX another_index ON generations (project_id, created_at, id);
"""
LEFT_OUT = {
    "projects.latest_version has no default instead of 0",
    "projects.latest_version may be NULL",
    *(f"generations.{name} may be NULL" for name in ("version", "is_active", "file_count")),
    "generations.version has no default instead of 1",
    "generations.is_active has no default instead of false",
    "generations.file_count has no default instead of 0",
    "another_name is ON DELETE NO ACTION instead of ON DELETE SET NULL",
    "ix_projects_created_at_id missing",
    "ix_projects_active_generation_id missing",
    "generations.generations_number_before_insert missing",
    "generations.generations_activate_after_insert missing",
    "generations.generations_raise_after_insert missing",
    "generations.generations_activate_after_update missing",
    "generations.generations_renumber_before_move missing",
    "projects.projects_latest_version_before_update missing",
    "projects.projects_reserve_before_update missing",
    "projects.projects_reserve_after_insert missing",
}
# So that nothing before the filling has to wait for a transaction.
DEFAULTS = """
    ALTER TABLE generations ALTER version SET DEFAULT 1, ALTER is_active SET DEFAULT false,
        ALTER file_count SET DEFAULT 0;
    ALTER TABLE projects ALTER latest_version SET DEFAULT 0;
    CREATE INDEX ON projects (created_at, id);
"""
LATER_REVISION = """
    ALTER TABLE projects DROP CONSTRAINT fk_projects_active_generation;
    ALTER TABLE projects ADD CONSTRAINT "Later Key" FOREIGN KEY (active_generation_id) REFERENCES generations (id);
    ALTER TABLE generations ALTER total_size_bytes TYPE bigint, ALTER version_name TYPE text;
    ALTER INDEX ix_projects_created_at_id RENAME TO later_index;
    UPDATE alembic_version SET version_num = 'f00dfeed0001';
"""


ANOTHER_FUNCTION = """
    CREATE OR REPLACE TRIGGER generations_number_before_insert BEFORE INSERT ON generations
        FOR EACH ROW EXECUTE FUNCTION generations_activate_completed()
"""
ANOTHER_TABLE = """
    ALTER TABLE projects DROP CONSTRAINT fk_projects_active_generation;
    ALTER TABLE projects ADD CONSTRAINT fk_projects_active_generation
        FOREIGN KEY (active_generation_id) REFERENCES projects (id);
"""


async def recorded(connection: Any) -> list[str]:
    return [row[0] for row in await connection.fetch("SELECT version_num FROM alembic_version")]


def schema(url: str, *arguments: str) -> Any:
    return backfill("schema", *arguments, env=environment_for(database_url=url, redis_url=NO_REDIS))


async def with_another_revision(url: str, connection: Any) -> None:
    await add_old_data(url)
    await connection.execute(ANOTHER_REVISION)
    await connection.execute("UPDATE alembic_version SET version_num = $1", HEAD)


async def test_what_another_revision_left_out_is_named_and_added_and_its_record_is_kept(
    database_e011: str, connect: Connect, environment_e011: dict[str, str]
) -> None:
    connection = await connect(database_e011)
    await with_another_revision(database_e011, connection)

    refused = backfill("enqueue", NAME, env=environment_e011)
    upgraded = alembic("upgrade", "head", url=database_e011)
    seen = schema(database_e011, "--json")
    before = await connection.fetchval("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal")
    added = schema(database_e011, "--apply")
    doctor = backfill("doctor", env=environment_e011)

    assert (refused.returncode, upgraded.returncode, seen.returncode, before) == (6, 0, 6, 0)
    assert "Run: backfill schema --apply" in refused.stderr
    assert set(json.loads(seen.stdout)["problems"]) == LEFT_OUT
    assert added.returncode == 0, added.stdout + added.stderr
    assert doctor.returncode == 0, doctor.stdout
    assert await recorded(connection) == [HEAD]
    rows = await connection.fetch("SELECT DISTINCT version, is_active, file_count FROM generations")
    assert [tuple(row) for row in rows] == [(1, False, 0)]
    assert schema(database_e011).stdout == f"The schema is complete; alembic_version says {HEAD}.\n"


async def test_the_script_that_is_shown_adds_the_same(
    database_e011: str, connect: Connect, environment_e011: dict[str, str]
) -> None:
    await with_another_revision(database_e011, await connect(database_e011))

    done = psql(database_e011, json.loads(schema(database_e011, "--json").stdout)["script"])

    assert done.returncode == 0, done.stderr
    assert schema(database_e011).returncode == 0
    assert backfill("doctor", env=environment_e011).returncode == 0


async def test_adding_it_may_be_killed_anywhere_under_traffic_and_goes_on_where_it_was(
    database_e011: str, connect: Connect, spawn: Spawn
) -> None:
    barrier, env = Barrier(await connect(database_e011)), environment_for(database_url=database_e011)
    await with_another_revision(database_e011, await connect(database_e011))
    await barrier.raise_()

    async with live_traffic(database_e011):
        for statement in (
            "%ALTER COLUMN version SET DEFAULT%",
            "%ADD CONSTRAINT generations_values_are_there%",
            "%VALIDATE CONSTRAINT generations_values_are_there%",
            "%ALTER COLUMN version SET NOT NULL%",
            "%DROP CONSTRAINT \\%I%",
            "CREATE OR REPLACE TRIGGER generations_number_before_insert%",
        ):
            await kill_before(statement, barrier, spawn("backfill", "schema", "--apply", env=env))
        await barrier.fall()
        last = await asyncio.to_thread(schema, database_e011, "--apply")

    assert last.returncode == 0, last.stdout + last.stderr


async def test_a_row_that_stays_locked_holds_up_the_filling_and_nobody_else(
    database_e011: str, connect: Connect, spawn: Spawn
) -> None:
    connection, holder = await connect(database_e011), await connect(database_e011)
    await with_another_revision(database_e011, connection)
    await connection.execute(DEFAULTS)
    one = await connection.fetchval("SELECT min(id) FROM generations")

    async def is_alone() -> bool:
        ids = await connection.fetch("SELECT id FROM generations WHERE version IS NULL LIMIT 2")
        return [row["id"] for row in ids] == [one]

    async with holder.transaction():
        await holder.execute("UPDATE generations SET prompt = 'mine' WHERE id = $1", one)
        applying = spawn("backfill", "schema", "--apply", env=environment_for(database_url=database_e011))
        await wait_until(is_alone, 30)
        await connection.execute("UPDATE generations SET status = status WHERE id <> $1", one)
        assert applying.exit_code is None

    assert applying.wait(30) == 0, applying.log
    assert await connection.fetchval("SELECT count(*) FROM generations WHERE version = 1 AND prompt = 'mine'") == 1


async def test_a_later_revisions_key_is_judged_by_what_it_does_and_everything_else_is_verified(
    database: str, connect: Connect, environment: dict[str, str]
) -> None:
    application = Application(await connect(database))
    await application.add_user()
    await application.add_settled_project("p", "a", "b")
    await application.connection.execute(LATER_REVISION)

    verified = json.loads(backfill("verify", "--json", env=environment).stdout)
    upgraded = alembic("upgrade", "head", url=database)

    statuses = {rule["rule"]: rule["status"] for rule in verified["rules"]}
    assert (verified["units_checked"], {rule for rule, status in statuses.items() if status != "ok"}) == (
        1,
        {"foreign_key"},
    )
    remedy = next(rule["remedy"] for rule in verified["rules"] if rule["rule"] == "foreign_key")
    assert upgraded.returncode == 6
    assert "The database is at revision f00dfeed0001" in upgraded.stderr
    by_hand = remedy.partition(" Or by hand: ")[2]
    assert by_hand == (
        'ALTER TABLE public.projects DROP CONSTRAINT "Later Key", ADD CONSTRAINT "Later Key"'
        " FOREIGN KEY (active_generation_id) REFERENCES public.generations (id) ON DELETE SET NULL NOT VALID;"
        ' ALTER TABLE public.projects VALIDATE CONSTRAINT "Later Key";'
    )
    await application.connection.execute(by_hand)
    assert backfill("doctor", env=environment).returncode == 0
    assert schema(database).returncode == 0, "and nothing is left for the command"


async def test_the_command_mends_a_later_revisions_key_under_its_own_name(
    database: str, connect: Connect, environment: dict[str, str]
) -> None:
    connection = await connect(database)
    await connection.execute(LATER_REVISION)

    added = schema(database, "--apply")

    keys = (
        "SELECT conname, confdeltype::text, convalidated FROM pg_constraint WHERE confrelid = 'generations'::regclass"
    )
    found = await connection.fetch(f"{keys} AND conrelid = 'projects'::regclass")
    assert added.returncode == 0, added.stdout + added.stderr
    assert [tuple(row) for row in found] == [("Later Key", "n", True)]
    assert await recorded(connection) == ["f00dfeed0001"]
    assert backfill("verify", env=environment).returncode == 0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("ALTER TABLE generations DISABLE TRIGGER generations_number_before_insert", "before_insert disabled"),
        ("ALTER TABLE generations ALTER version DROP DEFAULT", "generations.version has no default instead of 1"),
        ("ALTER TABLE generations ALTER is_active SET DEFAULT true", "the default true instead of false"),
        ("ALTER TABLE projects ALTER latest_version DROP NOT NULL", "projects.latest_version may be NULL"),
        ("DROP INDEX ix_projects_created_at_id", "ix_projects_created_at_id missing"),
        ("DROP FUNCTION projects_reserve_numbers() CASCADE", "projects.projects_reserve_before_update missing"),
        (ANOTHER_FUNCTION, "calls generations_activate_completed instead of generations_number_before_insert"),
        (ANOTHER_TABLE, "references projects (id) instead of generations (id)"),
    ],
    ids=["trigger", "default", "other default", "nullable", "index", "function", "other function", "other table"],
)
async def test_whatever_is_spoilt_at_head_is_named_and_mended(
    database: str, connect: Connect, environment: dict[str, str], spoil: str, said: str
) -> None:
    await (await connect(database)).execute(spoil)

    named = backfill("doctor", env=environment)
    mended = schema(database, "--apply")

    assert named.returncode == 6
    assert said in named.stdout
    assert "backfill schema --apply" in named.stdout
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert backfill("doctor", env=environment).returncode == 0


async def test_a_functions_older_edition_is_told_and_replaced(
    database: str, connect: Connect, environment: dict[str, str]
) -> None:
    connection = await connect(database)
    await connection.execute(
        "CREATE OR REPLACE FUNCTION public.generations_activate_completed() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NULL; END'"
    )

    doctor = backfill("doctor", env=environment)
    seen, added = schema(database), schema(database, "--apply")

    assert (seen.returncode, added.returncode) == (6, 0)
    assert "made by another edition of the migration. Run: backfill schema --apply" in doctor.stdout
    assert "creating function generations_activate_completed" in seen.stdout
    source = "SELECT prosrc FROM pg_proc WHERE proname = 'generations_activate_completed'"
    assert "FOR NO KEY UPDATE NOWAIT" in await connection.fetchval(source)


async def test_assigned_rows_without_a_number_are_found(
    database: str, connect: Connect, environment: dict[str, str]
) -> None:
    application = Application(await connect(database))
    await application.add_user()
    await application.add_settled_project("p", "a", "b")
    await application.connection.execute(
        "ALTER TABLE generations ALTER version DROP NOT NULL; ALTER TABLE projects ALTER latest_version DROP NOT NULL;"
        "UPDATE generations SET version = NULL WHERE id = 'b'; UPDATE projects SET latest_version = NULL"
    )

    verified = json.loads(backfill("verify", "--json", env=environment).stdout)

    broken = {rule["rule"] for rule in verified["rules"] if rule["status"] == "error"}
    assert broken == {"columns", "version_below_one", "latest_version_too_low"}
