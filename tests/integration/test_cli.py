"""The command `backfill` as an operator meets it: real processes, above all where something is wrong."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from backfill.urls import ServerUrls
from tests.conftest import Spawn
from tests.support.cli import ADD_LIVE_ROW, BACKFILL, NAME, NO_POSTGRES, NO_REDIS, WORKER, refusal
from tests.support.commands import environment_for, run_command
from tests.support.databases import new_database
from tests.support.forked import backfill
from tests.support.old_rows import OldRows
from tests.support.waiting import wait_until


@pytest.fixture
async def environment_blank(servers: ServerUrls, redis_url: str) -> AsyncIterator[dict[str, str]]:
    """For commands on a database without any table."""
    async with new_database(servers.database_url) as url:
        yield environment_for(database_url=url, redis_url=redis_url)


# What is wrong before any server is asked.


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"DATABASE_URL": "mysql://someone:hunter2@host/database"}, "DATABASE_URL"),
        ({"DATABASE_URL": "hunter2"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://someone:hunter2@host:port/database"}, "DATABASE_URL"),
        ({"REDIS_URL": "http://:hunter2@host"}, "REDIS_URL"),
        ({"BACKFILL_PARALLEL": "many"}, "BACKFILL_PARALLEL"),
        ({"BACKFILL_PARALEL": "2"}, "did you mean BACKFILL_PARALLEL?"),
        ({"REDIS_URL": ""}, "REDIS_URL is not set, but DATABASE_URL is"),
    ],
)
def test_a_wrong_setting_is_told_by_its_name(settings: dict[str, str], words: str) -> None:
    environment = {**environment_for(database_url=NO_POSTGRES, redis_url=NO_REDIS), **settings}

    assert words in refusal(backfill("status", env=environment), 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ("explode",),
        ("enqueue", NAME, "another"),
        ("enqueue", NAME, "--parallel", "many"),
        ("wait", "--timeout", "-1"),
        ("serve", "--port", "70000"),
        ("status", "--colour"),
    ],
)
def test_wrong_usage_exits_2(arguments: tuple[str, ...]) -> None:
    done = backfill(*arguments, env=environment_for(database_url=NO_POSTGRES, redis_url=NO_REDIS))

    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: backfill" in done.stderr


def test_a_pace_out_of_bounds_is_told_its_bounds() -> None:
    environment = environment_for(database_url=NO_POSTGRES, redis_url=NO_REDIS)

    assert "from 1 to 64" in refusal(backfill("enqueue", NAME, "--parallel", "65", env=environment), 2)


def test_help_lists_the_exit_codes() -> None:
    done = backfill("--help", env=environment_for())

    assert done.returncode == 0
    assert all(f"\n {code} " in done.stdout for code in (0, 1, 2, 3, 4, 5, 6, 7, 8, 130))


# Servers that are not there.


@pytest.mark.parametrize("command", [("enqueue", NAME), ("verify",), ("doctor",)], ids=" ".join)
def test_postgres_that_is_down_exits_7(command: tuple[str, ...], redis_url: str) -> None:
    done = backfill(*command, env=environment_for(database_url=NO_POSTGRES, redis_url=redis_url))

    assert done.returncode == 7
    assert "nothing listens there" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", [("enqueue", NAME), ("status",), ("doctor",)], ids=" ".join)
def test_redis_that_is_down_exits_7(command: tuple[str, ...], database: str) -> None:
    done = backfill(*command, env=environment_for(database_url=database, redis_url=NO_REDIS))

    assert done.returncode == 7
    assert "Redis cannot be used" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_a_dsn_that_leads_to_no_database_exits_7(servers: ServerUrls, redis_url: str) -> None:
    url = urlsplit(servers.database_url)._replace(path="/not_there").geturl()

    words = refusal(backfill("verify", env=environment_for(database_url=url, redis_url=redis_url)), 7)

    assert "does not have this database" in words


def test_a_dsn_of_an_unknown_account_exits_7(servers: ServerUrls, redis_url: str) -> None:
    server = urlsplit(servers.database_url)
    url = server._replace(netloc=f"nobody_here:hunter2@{server.hostname}:{server.port}").geturl()

    words = refusal(backfill("verify", env=environment_for(database_url=url, redis_url=redis_url)), 7)

    assert "refused the" in words


# A schema that is not ready.


def test_a_database_without_tables_exits_6(environment_blank: dict[str, str]) -> None:
    assert "alembic upgrade head" in refusal(backfill("enqueue", NAME, env=environment_blank), 6)


def test_before_the_migration_nothing_starts(environment_e011: dict[str, str]) -> None:
    assert "alembic upgrade head" in refusal(backfill("enqueue", NAME, env=environment_e011), 6)
    assert "alembic upgrade head" in refusal(run_command(*WORKER, env=environment_e011), 6)
    assert backfill("doctor", env=environment_e011).returncode == 6


def test_before_the_migration_verification_says_what_is_missing_and_what_it_did_not_check(
    environment_e011: dict[str, str],
) -> None:
    done = backfill("verify", "--json", env=environment_e011)

    statuses = {rule["rule"]: rule["status"] for rule in json.loads(done.stdout)["rules"]}
    assert done.returncode == 3
    assert (statuses["columns"], statuses["unassigned"]) == ("error", "unchecked")


async def test_disabled_triggers_stop_a_run_and_a_verification(rows: OldRows, environment: dict[str, str]) -> None:
    await rows.connection.execute("ALTER TABLE generations DISABLE TRIGGER USER")

    assert "disabled" in refusal(backfill("enqueue", NAME, env=environment), 6)
    verified = backfill("verify", env=environment)
    assert verified.returncode == 3
    assert "ERROR      The sync triggers exist and are enabled" in verified.stdout


# Runs that are not there, or not in that state.


def test_what_does_not_exist_exits_4(environment: dict[str, str]) -> None:
    assert f"Known: {NAME}" in refusal(backfill("enqueue", "nothing", env=environment), 4)
    assert f"Known: {NAME}" in refusal(backfill("verify", "--backfill", "nothing", env=environment), 4)
    assert "There is no run 'x1'" in refusal(backfill("status", "x1", env=environment), 4)
    assert "There is no run yet" in refusal(backfill("watch", env=environment), 4)


def test_a_run_without_a_worker_can_be_steered_all_the_same(environment: dict[str, str]) -> None:
    def run_after(*arguments: str) -> dict[str, Any]:
        done = backfill(*arguments, "--json", env=environment)
        assert done.returncode == 0, done.stderr
        run: dict[str, Any] = json.loads(done.stdout)
        return run

    def state_after(*arguments: str) -> str:
        return str(run_after(*arguments)["state"])

    assert state_after("enqueue", NAME) == "queued"
    assert "active" in refusal(backfill("enqueue", NAME, env=environment), 5)
    assert run_after("set", "--pause-ms", "70")["pace"]["pause_ms"] == 70
    assert "2 ranges at a time, batches of about 25 ms" in backfill("set", "--pause-ms", "80", env=environment).stdout
    assert "nothing to set" in refusal(backfill("set", env=environment), 2)
    waited = backfill("wait", "--timeout", "0.3", env=environment)
    assert waited.returncode == 8
    assert "No worker that serves generation-versions is alive" in waited.stderr
    assert "the run is queued and waits for a worker" in waited.stderr
    assert state_after("pause") == "paused"
    assert "Possible now: resume, cancel" in refusal(backfill("retry", env=environment), 5)
    assert state_after("wait", "--for", "succeeded", "--for", "paused") == "paused"
    assert state_after("resume") == "queued"
    assert state_after("cancel") == "cancelled"
    assert "was cancelled" in backfill("wait", env=environment).stderr
    assert backfill("watch", env=environment).returncode == 3


def test_the_same_key_gives_the_same_run(environment: dict[str, str]) -> None:
    asked = [backfill("enqueue", NAME, "--idempotency-key", "one", "--json", env=environment) for _ in range(2)]

    first, again = (json.loads(done.stdout) for done in asked)
    assert first["id"] == again["id"]
    assert first["requested_by"].startswith("cli:")


# The way it should go.


def test_the_only_backfill_need_not_be_named(environment: dict[str, str]) -> None:
    enqueued = backfill("enqueue", "--json", env=environment)

    assert json.loads(enqueued.stdout)["backfill"] == NAME


async def test_a_run_is_started_watched_and_verified(
    rows: OldRows, environment: dict[str, str], spawn_program: Spawn
) -> None:
    await rows.add_project("old")
    await rows.add_many("old", 3)
    spawn_program(*WORKER, env=environment)

    enqueued = backfill("enqueue", NAME, "--parallel", "1", env=environment)
    watched = backfill("watch", env=environment)
    ended = json.loads(backfill("wait", "--json", env=environment).stdout)
    shown = backfill("status", env=environment)
    listed = json.loads(backfill("status", "--all", "--json", env=environment).stdout)
    events = json.loads(backfill("events", "--json", env=environment).stdout)["events"]
    verified = backfill("verify", env=environment)

    assert (enqueued.returncode, watched.returncode, verified.returncode) == (0, 0, 0), watched.stderr
    assert (ended["state"], ended["progress"]["rows_written"], ended["pace"]["parallel"]) == ("succeeded", 3, 1)
    assert listed == {"runs": [ended]}
    assert "succeeded" in watched.stdout
    states = [event["about"]["state"] for event in events if event["kind"] == "state"]
    assert states == ["queued", "running", "verifying", "succeeded"]
    assert re.search(
        r"\n  pace +1 range at a time, batches of about 25 ms and at most 2,000 rows, no rest\n", shown.stdout
    )
    assert "\x1b" not in shown.stdout + watched.stdout


async def test_broken_data_is_named(rows: OldRows, environment: dict[str, str]) -> None:
    await rows.add_project("new")
    await rows.connection.executemany(ADD_LIVE_ROW, [("a",), ("b",)])
    await rows.connection.execute("UPDATE generations SET version = 1 WHERE project_id = 'new'")

    done = backfill("verify", env=environment)

    assert done.returncode == 3
    assert "ERROR      No version occurs twice in a project: 1 breach, for instance new." in done.stdout
    assert "duplicate_versions" in done.stderr


async def test_ctrl_c_ends_watching_without_a_traceback(environment: dict[str, str], spawn_program: Spawn) -> None:
    backfill("enqueue", NAME, env=environment)
    watching = spawn_program(*BACKFILL, "watch", env=environment)
    await wait_until(lambda: "queued" in watching.log)

    watching.kill(signal.SIGINT)

    assert watching.wait() == 130
    assert "Stopped watching; the run is queued and waits for a worker." in watching.log
    assert "Traceback" not in watching.log


def test_doctor_says_where_things_are_and_that_no_worker_is_there(environment: dict[str, str]) -> None:
    done = backfill("doctor", "--json", env=environment)

    document = json.loads(done.stdout)
    statuses = {check["check"]: check["status"] for check in document["checks"]}
    assert (done.returncode, document["ok"]) == (0, True)
    assert (statuses["postgres"], statuses["schema"], statuses["redis"]) == ("ok", "ok", "ok")
    assert statuses["worker"] == "warning"
    assert str(urlsplit(environment["DATABASE_URL"]).password) not in done.stdout


async def test_doctor_and_enqueue_name_a_large_table_that_the_planner_takes_for_empty(
    environment: dict[str, str], rows: OldRows
) -> None:
    await rows.add_project("p")
    await rows.connection.execute(
        "ALTER TABLE generations SET (autovacuum_enabled = off), ALTER COLUMN prompt SET STORAGE PLAIN;"
        "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration)"
        " SELECT 'g' || n, 'p', 'user', repeat('x', 6000), 'failed', false FROM generate_series(1, 1200) AS n;"
        "UPDATE pg_class SET reltuples = 0 WHERE relname = 'generations'"
    )

    examined = backfill("doctor", env=environment)
    enqueued = backfill("enqueue", NAME, env=environment)

    assert "generations has no rows in the planner's eyes. Run: ANALYZE" in examined.stdout
    assert (enqueued.returncode, "ANALYZE public.projects, public.generations" in enqueued.stderr) == (0, True)
