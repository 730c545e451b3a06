"""`backfill preview` on real databases: what it finds, what it foretells, and that nothing of it stays."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import asyncpg
import pytest

from backfill.engine.previewing import Sampling, preview
from backfill.runs.errors import SchemaNotReady
from backfill.runs.pace import Pace
from backfill.runs.preview import Preview
from tests.support.cli import NAME, NO_REDIS
from tests.support.commands import environment_for
from tests.support.forked import backfill
from tests.support.old_rows import OldRows
from worker.generations.backfill import GenerationVersions

PROJECTS, EACH = 60, 25
ROWS = PROJECTS * EACH
# xmin too: a version that was written and rolled back must not be the one that is seen.
CONTENT = (
    "SELECT md5(string_agg(g.xmin || ' ' || g::text, '' ORDER BY g.id)),"
    " (SELECT md5(string_agg(p.xmin || ' ' || p::text, '' ORDER BY p.id)) FROM projects AS p),"
    " (SELECT count(*) FROM projects WHERE latest_version <> 0 OR active_generation_id IS NOT NULL)"
    " FROM generations AS g"
)


def pace(**changes: int) -> Pace:
    return Pace(parallel=2, batch_rows=2000, target_ms=50, pause_ms=0, rows_per_second=0).with_changes(changes)


async def look(backfill: GenerationVersions, *, seconds: float = 0.6, **changes: int) -> Preview:
    return await preview(backfill, pace(**changes), Sampling(seconds=seconds, stopwatch=time.monotonic))


async def fill(rows: OldRows, *, prompt: str = "Build it", projects: int = PROJECTS, each: int = EACH) -> None:
    """Old data: projects a minute apart with completed generations in them, and statistics about them."""
    await rows.connection.execute("SET session_replication_role = replica")
    await rows.connection.execute(
        "INSERT INTO projects (id, user_id, name, tech_stack, status, is_public, created_at)"
        " SELECT 'p' || n, 'user', 'A project', 'fastapi', 'active', false,"
        " '2026-01-01'::timestamptz + n * '1 min'::interval"
        " FROM generate_series(1, $1::int) AS n",
        projects,
    )
    await rows.connection.execute(
        "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration, created_at)"
        " SELECT 'g' || p || '-' || n, 'p' || p, 'user', $3, 'completed', false,"
        " '2026-01-01'::timestamptz + p * '1 min'::interval + n * '1 hour'::interval"
        " FROM generate_series(1, $1::int) AS p, generate_series(1, $2::int) AS n",
        projects,
        each,
        prompt,
    )
    await rows.connection.execute("SET session_replication_role = DEFAULT")
    await rows.connection.execute("ANALYZE projects, generations")


def slugs(seen: Preview) -> set[str]:
    return {caution.slug for caution in seen.cautions}


# What it says.


async def test_the_document_has_its_shape_without_any_redis(rows: OldRows, database: str) -> None:
    await rows.connection.execute("ALTER TABLE generations SET (fillfactor = 40)")  # room for updates in the page
    await fill(rows)
    environment = environment_for(database_url=database, redis_url=NO_REDIS)

    done = backfill("preview", "--seconds", "1", "--parallel", "3", "--json", env=environment)

    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    forecast, sample = document["forecast"], document["sample"]
    assert document["amount"] == {
        "units": PROJECTS,
        "rows": ROWS,
        "units_left": PROJECTS,
        "rows_left": ROWS,
        "is_estimate": False,
    }
    assert (document["backfill"], document["pace"]["parallel"]) == (NAME, 3)
    assert 0 < forecast["seconds"]["low"] <= forecast["seconds"]["middle"] <= forecast["seconds"]["high"]
    assert set(forecast["phases"]) == {"planning", "settling", "verifying"}
    assert 0 < forecast["wal_bytes"]["low"] <= forecast["wal_bytes"]["high"]
    assert sample["dead_rows"] >= sample["rows"] > 0
    assert sample["commit_ms"] > 0
    assert 0.5 < sample["hot_share"] <= 1
    assert {table["table"] for table in document["tables"]} == {"projects", "generations"}
    assert all(trigger["enabled"] for trigger in document["triggers"])
    assert [one["statement"] for one in document["statements"] if one["part_of"] == "a batch"] == [
        "lock_projects",
        "lock_generations",
        "settle",
    ]
    assert all(one["steps"] for one in document["statements"] if one["statement"] != "number_part")
    assert document["server"]["settings"]["wal_level"] == "replica"
    assert document["server"]["not_visible"] == []


async def test_a_person_is_told_the_same_in_words(rows: OldRows, environment: dict[str, str]) -> None:
    await fill(rows)

    done = backfill("preview", "--seconds", "0.5", env=environment)

    assert done.returncode == 0, done.stderr
    assert f"{ROWS:,} of {ROWS:,} rows in {PROJECTS} of {PROJECTS} units (counted)" in done.stdout
    assert "dead rows for vacuum" in " ".join(done.stdout.split())
    assert "most likely" in done.stdout
    assert "all 8 enabled" in done.stdout


async def test_nothing_stays_written(rows: OldRows, backfill: GenerationVersions) -> None:
    await fill(rows)
    await rows.add_project("giant", minute=PROJECTS + 1)
    await rows.add_many("giant", 1_200)
    before = await rows.connection.fetchrow(CONTENT)

    seen = await look(backfill, batch_rows=300)

    assert await rows.connection.fetchrow(CONTENT) == before
    assert seen.sample is not None
    assert seen.sample.rows > 0
    assert seen.sample.wal_bytes > 0


async def test_a_project_larger_than_a_batch_is_tried_out_in_parts(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.add_project("giant")
    await rows.add_many("giant", 1_500)

    seen = await look(backfill, batch_rows=200, target_ms=1_000)  # no batch so slow that it shrinks

    assert seen.sample is not None
    assert {batch.rows for batch in seen.sample.alone} == {200}
    assert seen.forecast is not None


async def test_rows_that_somebody_holds_are_passed_without_waiting(
    rows: OldRows, backfill: GenerationVersions, application: asyncpg.Connection
) -> None:
    await fill(rows)
    async with application.transaction():
        await application.execute("SELECT id FROM projects FOR UPDATE")
        seen = await look(backfill)

    assert seen.sample is not None
    assert seen.sample.contended >= 8  # all the units of a batch; one that had waited in vain would count as one
    assert (seen.sample.rows, seen.forecast) == (0, None)
    assert seen.no_forecast == "no batch of the sample wrote a row"
    assert "contended" in slugs(seen)


async def test_an_empty_database_is_no_trouble(backfill: GenerationVersions) -> None:
    seen = await look(backfill)

    assert seen.forecast is not None
    assert (seen.survey.amount.rows_left, seen.forecast.rows_per_second, seen.statements) == (0, 0.0, ())


async def test_a_settled_database_has_nothing_left_to_do(rows: OldRows, backfill: GenerationVersions) -> None:
    await fill(rows)
    await backfill.settle([f"p{n}" for n in range(1, PROJECTS + 1)])

    seen = await look(backfill)

    assert (seen.survey.amount.units_left, seen.survey.amount.rows_left) == (0, 0)
    assert (seen.sample, seen.no_sample) == (None, "no rows are left to do")
    assert seen.forecast is not None
    assert seen.forecast.verifying.middle > 0


# What it warns of.


async def test_an_index_that_the_planner_does_not_use_shows_in_the_plans(
    rows: OldRows, backfill: GenerationVersions, application: asyncpg.Connection
) -> None:
    await rows.connection.execute("ALTER TABLE generations ALTER COLUMN prompt SET STORAGE PLAIN")
    await fill(rows, prompt="x" * 6000, projects=40, each=25)
    sound = await look(backfill, seconds=0)

    # As after a build over rows that were updated since: older transactions keep everybody from using it.
    async with application.transaction():
        await application.fetchval("SELECT pg_current_xact_id()::text")
        await rows.connection.execute(
            "UPDATE pg_index SET indcheckxmin = true"
            " WHERE indexrelid = 'ix_generations_project_id_created_at_id'::regclass"
        )
        seen = await look(backfill, seconds=0)

    scanning = {plan.statement for plan in seen.statements if "generations" in plan.scans}
    assert {plan.statement for plan in sound.statements if plan.scans} == set()
    assert scanning >= {"lock_generations", "settle", "read_page", "check_page", "lock_part"}
    assert "sequential_scan" in slugs(seen)


async def test_statistics_that_are_stale_are_told(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.connection.execute("ALTER TABLE generations SET (autovacuum_enabled = off)")
    await fill(rows)
    fresh = await look(backfill, seconds=0)
    await rows.connection.execute("UPDATE pg_class SET reltuples = -1 WHERE relname = 'generations'")
    await rows.connection.execute("UPDATE generations SET status = status; SELECT pg_stat_force_next_flush()")

    seen = await look(backfill, seconds=0)

    assert "stale_statistics" not in slugs(fresh)
    assert "stale_statistics" in slugs(seen)


async def test_an_inactive_slot_is_a_warning(rows: OldRows, backfill: GenerationVersions) -> None:
    slot = f"test_{secrets.token_hex(4)}"
    await rows.connection.execute("SELECT pg_create_physical_replication_slot($1, true)", slot)
    try:
        seen = await look(backfill, seconds=0)
    finally:
        await rows.connection.execute("SELECT pg_drop_replication_slot($1)", slot)

    assert [(one.kind, one.active) for one in seen.survey.server.slots if one.name == slot] == [("physical", False)]
    assert any(slot in caution.about for caution in seen.cautions if caution.slug == "inactive_slot")


async def test_a_transaction_that_holds_a_snapshot_is_seen(
    rows: OldRows, backfill: GenerationVersions, application: asyncpg.Connection
) -> None:
    async with application.transaction(isolation="repeatable_read"):
        await application.fetchval("SELECT count(*) FROM projects")
        seen = await look(backfill, seconds=0)

    holder = f"session {application.get_server_pid()}"
    assert any(held.what.startswith(holder) for held in seen.survey.server.snapshots)


async def test_an_invalid_index_of_somebody_else_is_told(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.connection.execute(
        "CREATE INDEX halfway ON generations (prompt);"
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'halfway'::regclass"
    )

    seen = await look(backfill, seconds=0)

    assert seen.survey.invalid_indexes == ("halfway",)
    assert "invalid_index" in slugs(seen)


async def test_an_index_on_a_column_that_a_run_writes_is_told(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.connection.execute("CREATE INDEX early ON generations (project_id) WHERE is_active")

    seen = await look(backfill, seconds=0)

    assert seen.survey.hindering_indexes == ("early",)
    assert "hindering_index" in slugs(seen)


async def test_a_schema_that_is_not_ready_is_refused_as_a_run_is(rows: OldRows, backfill: GenerationVersions) -> None:
    await rows.connection.execute("ALTER TABLE generations DISABLE TRIGGER generations_number_before_insert")
    with pytest.raises(SchemaNotReady, match="generations_number_before_insert disabled"):
        await look(backfill)
    await rows.connection.execute("ALTER TABLE generations ENABLE TRIGGER USER; DROP INDEX ix_projects_created_at_id")
    with pytest.raises(SchemaNotReady, match="ix_projects_created_at_id missing"):
        await look(backfill)
