"""Indexes count by what they do: the name alone makes none, and another name none the less."""

from __future__ import annotations

from tests.conftest import Connect
from tests.migrations.support import OLD_REVISION, alembic


async def test_an_index_that_only_has_the_name_is_no_index(database_e011: str, connect: Connect) -> None:
    connection = await connect(database_e011)
    await connection.execute("CREATE INDEX ix_projects_created_at_id ON projects (created_at DESC, id)")

    refused = alembic("upgrade", "head", url=database_e011)
    await connection.execute("ALTER INDEX ix_projects_created_at_id RENAME TO another")
    upgraded = alembic("upgrade", "head", url=database_e011)

    assert refused.returncode == 6
    assert "The name ix_projects_created_at_id is taken by another index" in refused.stderr
    assert upgraded.returncode == 0, upgraded.stderr


async def test_an_index_of_another_name_is_not_built_again_and_outlasts_the_way_back(
    database_e011: str, connect: Connect
) -> None:
    connection = await connect(database_e011)
    await connection.execute("CREATE UNIQUE INDEX of_the_application ON projects (created_at, id)")

    there = alembic("upgrade", "head", url=database_e011)
    names = "SELECT indexname FROM pg_indexes WHERE tablename = 'projects' AND indexdef LIKE '%(created_at, id)'"
    built = [row[0] for row in await connection.fetch(names)]
    back = alembic("downgrade", OLD_REVISION, url=database_e011)

    assert (there.returncode, back.returncode) == (0, 0), there.stderr + back.stderr
    assert built == ["of_the_application"]
    assert [row[0] for row in await connection.fetch(names)] == ["of_the_application"]
