"""`backfill preview` under the roles of docs/roles.sql, and how it ends where there is nothing to look at."""

from __future__ import annotations

import json

import pytest

from tests.support.cli import NAME, NO_POSTGRES, NO_REDIS, refusal
from tests.support.commands import environment_for
from tests.support.forked import backfill
from tests.support.roles import Place, find_psql


@pytest.mark.skipif(find_psql() is None, reason="docs/roles.sql is a script for psql, and there is none")
async def test_the_workers_role_tries_batches_out_and_a_role_that_reads_says_that_it_cannot(after: Place) -> None:
    await after.execute(
        "SET session_replication_role = replica;"
        "INSERT INTO users (id, email, is_active, is_superuser, is_verified, total_generations)"
        " VALUES ('user', 'user@example.org', true, false, true, 0);"
        "INSERT INTO projects (id, user_id, name, tech_stack, status, is_public)"
        " VALUES ('old', 'user', 'A project', 'fastapi', 'active', false);"
        "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration)"
        " SELECT 'g' || n, 'old', 'user', 'Build it', 'completed', false FROM generate_series(1, 50) AS n"
    )

    api = backfill("preview", "--seconds", "0.3", "--json", env=after.env(after.roles.api))
    worker = backfill("preview", "--seconds", "0.3", "--json", env=after.env(after.roles.worker))

    assert (api.returncode, worker.returncode) == (0, 0), api.stderr + worker.stderr
    read, tried = json.loads(api.stdout), json.loads(worker.stdout)
    assert (read["sample"], read["forecast"]) == (None, None)
    assert "may not write" in read["no_sample"]
    assert read["amount"]["rows_left"] == 50
    assert {one["statement"] for one in read["statements"] if one["why_not"]} >= {"lock_projects", "settle"}
    assert tried["sample"]["dead_rows"] > 0
    assert all(one["why_not"] is None for one in tried["statements"])
    for document in (read, tried):
        assert document["server"]["replicas"] is None
        assert document["server"]["not_visible"] == ["replicas", "transactions of other roles"]
        assert "not_visible" in {warning["warning"] for warning in document["warnings"]}


def test_before_the_migration_it_exits_6(environment_e011: dict[str, str]) -> None:
    assert "alembic upgrade head" in refusal(backfill("preview", "--json", env=environment_e011), 6)


def test_mistakes_have_their_exit_codes(environment: dict[str, str]) -> None:
    nowhere = environment_for(database_url=NO_POSTGRES, redis_url=NO_REDIS)

    assert "nothing listens there" in refusal(backfill("preview", env=nowhere), 7)
    assert f"Known: {NAME}" in refusal(backfill("preview", "nothing", env=environment), 4)
