from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.conftest import Connect
from tests.migrations.support import (
    HEAD,
    OLD_REVISION,
    Application,
    alembic,
    psql,
    schema_dump,
)


async def test_the_way_back_leaves_the_schema_that_was_there_before(database_e011: str) -> None:
    before = await schema_dump(database_e011)

    assert alembic("upgrade", "head", url=database_e011).returncode == 0
    assert await schema_dump(database_e011) != before
    assert alembic("downgrade", OLD_REVISION, url=database_e011).returncode == 0

    assert await schema_dump(database_e011) == before


async def test_everything_can_be_taken_back_and_made_again(database: str) -> None:
    before = await schema_dump(database)

    assert alembic("downgrade", "base", url=database).returncode == 0
    assert "public.users" not in await schema_dump(database)
    assert alembic("upgrade", "head", url=database).returncode == 0

    assert await schema_dump(database) == before


async def test_rows_survive_the_way_there_and_back(database_e011: str, connect: Connect) -> None:
    application = Application(await connect(database_e011))
    await application.add_user()
    await application.add_settled_project("p", "a", "b")
    rows = "SELECT * FROM generations ORDER BY id"
    before = await application.connection.fetch(rows)

    assert alembic("upgrade", "head", url=database_e011).returncode == 0
    assert [await application.version(one) for one in "ab"] == [None, None]
    await application.add("c", "p")
    assert alembic("downgrade", OLD_REVISION, url=database_e011).returncode == 0

    await application.connection.execute("DELETE FROM generations WHERE id = 'c'")
    assert await application.connection.fetch(rows) == before


async def test_running_every_step_a_second_time_changes_nothing(database: str, connect: Connect) -> None:
    before = await schema_dump(database)
    await (await connect(database)).execute("UPDATE alembic_version SET version_num = $1", OLD_REVISION)

    again = alembic("upgrade", "head", url=database)

    assert again.returncode == 0
    assert "adding" not in again.stderr, "a step that has nothing to do takes no lock"
    assert await schema_dump(database) == before


@pytest.mark.parametrize("leftover", [False, True])
async def test_the_offline_script_makes_the_same_schema(
    database_e011: str, database: str, connect: Connect, leftover: bool
) -> None:
    if leftover:
        await leave_invalid_index(await connect(database_e011))
    script = alembic("upgrade", f"{OLD_REVISION}:{HEAD}", "--sql").stdout

    assert_ran(psql(database_e011, script))
    assert await schema_dump(database_e011) == await schema_dump(database)
    assert_ran(psql(database_e011, script))

    assert await schema_dump(database_e011) == await schema_dump(database)
    assert alembic("check", url=database_e011).returncode == 0


async def test_the_offline_way_back_makes_the_schema_that_was_there_before(database_e011: str, database: str) -> None:
    script = alembic("downgrade", f"{HEAD}:{OLD_REVISION}", "--sql").stdout

    assert_ran(psql(database, script))

    assert await schema_dump(database) == await schema_dump(database_e011)


async def test_an_offline_script_that_did_not_get_a_lock_does_not_record_the_revision(
    database_e011: str, connect: Connect
) -> None:
    script = alembic("upgrade", f"{OLD_REVISION}:{HEAD}", "--sql").stdout
    reader = await connect(database_e011)

    async with reader.transaction():
        await reader.execute("SELECT id FROM generations")
        done = psql(database_e011, script, stop_at_errors=False)

    assert "canceling statement due to lock timeout" in done.stderr
    assert "revision 39e7f45c72f1 is not complete" in done.stderr
    assert await reader.fetchval("SELECT version_num FROM alembic_version") == OLD_REVISION


async def leave_invalid_index(connection: Any) -> None:
    """As a CREATE INDEX CONCURRENTLY does that is stopped midway."""
    await connection.execute(
        "CREATE INDEX ix_generations_project_id_created_at_id ON generations (project_id, created_at, id)"
    )
    await connection.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_generations_project_id_created_at_id'::regclass"
    )


def assert_ran(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
