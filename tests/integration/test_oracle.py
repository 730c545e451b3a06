"""A whole run, from the migration on, amounts to the one-shot SQL that it replaces: every column of every row."""

from __future__ import annotations

import pytest

from backfill.sql.database import open_engine
from backfill.urls import ServerUrls
from tests.conftest import Spawn
from tests.support.databases import migrate, new_database
from tests.support.expected import filled, one_shot
from tests.support.runs import WORKER, enqueue, until_ready, wait_for_end
from worker.demo.old_data import OldDataShape, create_old_data

SHAPES = {
    "200 000 generations": OldDataShape(projects=20_000, generations=200_000),
    "ties in created_at": OldDataShape(projects=1_000, generations=10_000, ties=True),
    "an empty database": OldDataShape(projects=0, generations=0),
    "projects without generations": OldDataShape(projects=500, generations=100, giant_share=0, empty_share=0.9),
    "one project of 100 000": OldDataShape(projects=50, generations=100_500, giant_share=100_000 / 100_500),
}


async def fill_with_old_data(url: str, shape: OldDataShape) -> None:
    engine = open_engine(url, application_name="test-old-data", command_timeout_seconds=None)
    try:
        await create_old_data(engine, shape)
    finally:
        await engine.dispose()


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
async def test_a_run_amounts_to_the_one_shot_sql(
    servers: ServerUrls, database_e011: str, environment_e011: dict[str, str], spawn: Spawn, shape: OldDataShape
) -> None:
    env = environment_e011
    await fill_with_old_data(database_e011, shape)
    migrate(database_e011, "head")

    async with new_database(servers.database_url, template=database_e011) as expected:
        await one_shot(expected)
        await until_ready(spawn(*WORKER, env=env))
        first = wait_for_end(env, enqueue(env)["id"])
        second = wait_for_end(env, enqueue(env)["id"])

        assert first["state"] == "succeeded", first
        assert first["progress"]["rows_written"] == shape.generations
        assert second["state"] == "succeeded", second
        assert second["progress"]["rows_written"] == 0
        assert await filled(database_e011) == await filled(expected)
