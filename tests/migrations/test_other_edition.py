"""The application's schema is about in two editions; the other one has an index and defaults more."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Connect, Spawn
from tests.migrations.support import OLD_REVISION, alembic, schema_dump
from tests.support.forked import backfill
from tests.support.old_rows import old_rows
from tests.support.runs import WORKER, enqueue, until_ready, wait_for_end

OTHER_EDITION = """
    CREATE INDEX ix_generations_project_id ON generations (project_id);
    ALTER TABLE generations ALTER status SET DEFAULT 'pending', ALTER is_iteration SET DEFAULT false;
    ALTER TABLE projects ALTER status SET DEFAULT 'active', ALTER is_public SET DEFAULT false;
    ALTER TABLE users ALTER is_active SET DEFAULT true, ALTER total_generations SET DEFAULT 0;
"""


@pytest.fixture
async def other_edition(database_e011: str, connect: Connect) -> str:
    await (await connect(database_e011)).execute(OTHER_EDITION)
    return database_e011


async def test_the_other_edition_is_migrated_filled_verified_and_taken_back(
    other_edition: str, environment_e011: dict[str, str], spawn: Spawn
) -> None:
    before = await schema_dump(other_edition)
    async with old_rows(other_edition) as rows:
        await rows.add_project("p")
        await rows.add_many("p", 20)

        upgraded = alembic("upgrade", "head", url=other_edition)
        await until_ready(spawn(*WORKER, env=environment_e011))
        run = wait_for_end(environment_e011, enqueue(environment_e011)["id"])
        versions = list((await rows.versions("p")).values())
    back = alembic("downgrade", OLD_REVISION, url=other_edition)

    assert upgraded.returncode == 0, upgraded.stderr
    assert (run["state"], run["progress"]["rows_written"]) == ("succeeded", 20)
    assert versions == list(range(1, 21))
    assert back.returncode == 0, back.stderr
    assert await schema_dump(other_edition) == before


async def test_its_index_does_not_hinder_a_run_and_one_on_a_written_column_does(
    other_edition: str, environment_e011: dict[str, str], connect: Connect
) -> None:
    assert alembic("upgrade", "head", url=other_edition).returncode == 0
    await (await connect(other_edition)).execute("CREATE INDEX numbers ON generations (project_id, version)")

    seen = json.loads(backfill("preview", "--seconds", "0", "--json", env=environment_e011).stdout)

    hindering = [warning for warning in seen["warnings"] if "hindering_index" in warning.values()]
    assert len(hindering) == 1
    assert "index numbers is on a column that a run writes" in str(hindering)
