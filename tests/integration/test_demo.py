"""The demo as a newcomer meets it: a real process, on embedded servers that are this module's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
import redis

from backfill.embedded import use_embedded
from backfill.embedded.locks import FileLock
from backfill.urls import ServerUrls
from tests.conftest import Spawn
from tests.support.cli import NAME, VALIDATE, refusal
from tests.support.commands import environment_for, run_command
from tests.support.forked import backfill
from tests.support.waiting import wait_until

MARK = "TEST_DEMO_MARK"
SMALL = ("demo", "--projects", "300", "--generations", "3000", "--baseline-seconds", "0.5", "--after-seconds", "0.5")
# So slow that there is time to kill somebody.
SLOW = (*SMALL, "--rows-per-second", "800")
BARE = (*SMALL, "--without-traffic", "--without-kill")
FILES = ("demo", "--files", "--projects", "6", "--generations", "50", "--without-traffic", "--without-kill")
PHASES = ["before", "migration", "backfill", "after"]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where every account can get to, also the one that the servers run as."""
    outside = Path(tempfile.mkdtemp(prefix="demo-"))
    outside.chmod(0o755)
    yield outside / ".embedded"
    if (outside / ".embedded").exists():
        with FileLock(outside / ".embedded" / "servers.lock") as ended:
            ended.wait_exclusive()  # the servers stop a moment after their last user
    shutil.rmtree(outside)


@pytest.fixture(scope="module")
def env(folder: Path) -> dict[str, str]:
    """With a mark that all processes inherit that a demo starts."""
    return environment_for(BACKFILL_EMBEDDED_DIR=str(folder), **{MARK: token_hex(8)})


@pytest.fixture(scope="module")
async def done(env: dict[str, str]) -> Any:
    """A demo that has gone through, and nothing of it runs any more."""
    ended = run_command("backfill", *SLOW, "--json", env=env, timeout=180.0)
    await wait_until(lambda: not marked_processes(env), 20.0)
    return ended


@pytest.fixture
def urls(folder: Path, done: object) -> Iterator[ServerUrls]:
    """The servers that the demo has used, as servers that somebody else has started."""
    with use_embedded(folder, database="codebegen") as servers:
        yield servers.urls


def marked_processes(env: dict[str, str]) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == env[MARK] and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def report_of(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ended.returncode == 0, ended.stderr
    document: dict[str, Any] = json.loads(ended.stdout)
    return document


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def test_it_ends_verified_and_the_application_has_seen_no_error(
    done: subprocess.CompletedProcess[str],
) -> None:
    report = report_of(done)

    assert (report["ok"], report["shortcomings"]) == (True, [])
    assert report["run"]["state"] == "succeeded"
    assert report["rows_written"] > 2_500  # the application also deletes some of the 3 000
    assert report["verification"]["ok"]
    assert report["verification"]["units_checked"] >= 300
    assert [phase["phase"] for phase in report["application"]] == PHASES
    assert [phase["errors"] for phase in report["application"]] == [0, 0, 0, 0]
    assert all(phase["transactions"] > 10 for phase in report["application"])


def test_the_worker_is_killed_on_the_way_and_the_run_goes_on_within_seconds(
    done: subprocess.CompletedProcess[str],
) -> None:
    kill = report_of(done)["kill"]

    assert 0.4 <= kill["fraction"] < 1
    assert 0 < kill["seconds"] < 60
    assert len(re.findall(r"\$ arq worker.main.WorkerSettings &", done.stderr)) == 2
    assert re.search(r"\$ kill -9 \d+", done.stderr)


def test_it_shows_what_an_operator_types_and_no_password(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    passwords = [file.read_text(encoding="ascii").strip() for file in folder.glob("*.password")]

    for command in ("alembic upgrade head", f"backfill enqueue {NAME}", "backfill status", "backfill serve"):
        assert command in done.stderr
    assert "What the application noticed" in done.stderr
    assert passwords
    assert not any(password in done.stdout + done.stderr for password in passwords)
    # What is passed on is as long as it is: progress, and what an upgrade says while it waits for a lock.
    told = [line for line in done.stderr.splitlines() if "%" not in line and not line.startswith("     ")]
    assert [line for line in told if len(line) > 100] == []


def test_afterwards_every_command_finds_what_it_left(
    done: subprocess.CompletedProcess[str], urls: ServerUrls, env: dict[str, str]
) -> None:
    shown = backfill("status", "--json", env=env)
    verified = backfill("verify", env=env)
    validated = run_command(*VALIDATE, env=env)

    assert json.loads(shown.stdout)["id"] == report_of(done)["run"]["id"]
    assert (verified.returncode, validated.returncode) == (0, 0)


async def test_on_servers_of_somebodys_it_has_a_database_of_its_own(urls: ServerUrls, env: dict[str, str]) -> None:
    before = backfill("status", "--json", env=env).stdout
    given = {**env, "DATABASE_URL": urls.database_url, "REDIS_URL": urls.redis_url}

    report = report_of(run_command("backfill", *BARE, "--json", env=given, timeout=120.0))

    own = {**given, "DATABASE_URL": urlsplit(urls.database_url)._replace(path="/codebegen_demo").geturl()}
    assert report["ok"]
    assert "database codebegen_demo" in report["place"]
    assert (report["application"], report["kill"]) == ([], None)
    assert backfill("verify", env=own).returncode == 0
    assert backfill("status", "--json", env=env).stdout == before
    with redis.Redis.from_url(urls.redis_url) as client:
        assert list(client.scan_iter("backfill-demo:*"))


async def test_its_act_about_files_brings_them_over_and_no_read_of_the_application_fails(
    folder: Path, urls: ServerUrls, env: dict[str, str]
) -> None:
    given = {**env, "DATABASE_URL": urls.database_url, "REDIS_URL": urls.redis_url}

    ended = run_command("backfill", *FILES, "--json", env=given, timeout=300.0)

    report = report_of(ended)["files"]
    of_files = report["runs"][1]
    assert (of_files["backfill"], of_files["state"]) == ("generation-files", "succeeded")
    assert of_files["progress"]["rows_written"] >= sum(report["old"]["generations"].values()) / 2
    assert report["application"]["failed_count"] == report["application"]["wrong_count"] == 0
    assert sum(report["application"]["reads"].values()) > 0
    assert list((folder / "demo-files").glob("*/generations/v1__*/manifest.json"))
    assert re.search(r"reads failed +0", ended.stderr)


async def test_without_keeping_it_leaves_an_empty_database(urls: ServerUrls, env: dict[str, str]) -> None:
    given = {**env, "DATABASE_URL": urls.database_url, "REDIS_URL": urls.redis_url}

    ended = run_command("backfill", *BARE, "--no-keep", env=given, timeout=120.0)

    connection = await asyncpg.connect(urlsplit(urls.database_url)._replace(path="/codebegen_demo").geturl())
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert (ended.returncode, tables) == (0, 0), ended.stderr
    with redis.Redis.from_url(urls.redis_url) as client:
        assert not list(client.scan_iter("backfill-demo:*"))


async def test_a_table_that_is_not_the_demos_is_not_touched(urls: ServerUrls, env: dict[str, str]) -> None:
    await execute(urls.database_url, "CREATE TABLE words AS SELECT 'mine' AS word")
    try:
        ended = backfill(*BARE, "--json", env=env)

        assert "holds something that is not the demo's: words" in last_words(ended, 5)
    finally:
        await execute(urls.database_url, "DROP TABLE words")
    assert backfill("verify", env=env).returncode == 0


async def test_rows_of_the_application_that_the_demo_has_not_made_are_not_touched(
    urls: ServerUrls, env: dict[str, str]
) -> None:
    await execute(urls.database_url, "COMMENT ON SCHEMA public IS 'ours'")
    try:
        ended = backfill(*BARE, "--json", env=env)

        assert "holds data that the demo has not made" in last_words(ended, 5)
    finally:
        await execute(urls.database_url, "COMMENT ON SCHEMA public IS 'left by backfill demo'")
    assert backfill("verify", env=env).returncode == 0


async def test_an_account_that_may_not_make_databases_is_told_so(urls: ServerUrls, env: dict[str, str]) -> None:
    await execute(urls.database_url, "CREATE ROLE poor LOGIN PASSWORD 'hunter2'")
    server = urlsplit(urls.database_url)
    poor = server._replace(netloc=f"poor:hunter2@{server.hostname}:{server.port}").geturl()
    given = {**env, "DATABASE_URL": poor, "REDIS_URL": urls.redis_url}

    ended = backfill(*BARE, "--json", env=given)

    assert "may not make or empty the demo's database" in last_words(ended, 2)


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
async def test_however_it_ends_all_that_it_started_ends_too(
    signal_number: signal.Signals, urls: ServerUrls, env: dict[str, str], spawn_program: Spawn
) -> None:
    demo = spawn_program("backfill", *SLOW, env={**env, "BACKFILL_REDIS_PREFIX": signal_number.name})
    await wait_until(lambda: "running" in demo.log or demo.exit_code is not None, 60.0)
    assert any("WorkerSettings" in command for command in marked_processes(env)), demo.log

    demo.kill(signal_number)

    code = demo.wait()
    assert code == (-signal_number if signal_number == signal.SIGKILL else 128 + signal_number)
    assert "Traceback" not in demo.log
    await wait_until(lambda: not [command for command in marked_processes(env) if "keeper" not in command], 20.0)


async def test_a_worker_that_dies_by_another_hand_ends_the_demo_with_a_sentence(
    urls: ServerUrls, env: dict[str, str], spawn_program: Spawn
) -> None:
    demo = spawn_program("backfill", *SLOW, "--without-kill", env={**env, "BACKFILL_REDIS_PREFIX": "by-hand"})
    await wait_until(lambda: "running" in demo.log or demo.exit_code is not None, 60.0)
    started = re.search(r"WorkerSettings &   process (\d+)", demo.log)
    assert started, demo.log

    os.kill(int(started[1]), signal.SIGKILL)

    assert demo.wait() == 3
    assert "`arq worker.main.WorkerSettings` ended with exit code -9" in demo.log
    assert "Traceback" not in demo.log


@pytest.mark.parametrize(
    "arguments",
    [
        ("--projects", "many"),
        ("--kill-at", "100"),
        ("--parallel", "65"),
        ("--baseline-seconds", "-1"),
        ("--colour",),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_2(arguments: tuple[str, ...]) -> None:
    ended = backfill("demo", *arguments, env=environment_for())

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Usage: backfill demo" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--connections", "0"), "connections must be"), (("--projects", "0"), "at least one project")],
    ids=["connections", "projects"],
)
def test_impossible_sizes_are_refused_before_anything_is_touched(arguments: tuple[str, ...], words: str) -> None:
    assert words in refusal(backfill("demo", *arguments, env=environment_for()), 2)


def last_words(ended: subprocess.CompletedProcess[str], exit_code: int) -> str:
    """The sentence that a demo ends with that could not take place."""
    assert ended.returncode == exit_code, ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr
    line = ended.stderr.splitlines()[-1]
    assert line.startswith("error: ")
    return line
