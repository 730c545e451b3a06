"""What the plugin for authors says when a test of theirs fails."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from backfill.urls import ServerUrls
from tests.support.commands import REPOSITORY, environment_for
from tests.support.shop import HOME


def run_tests(folder: Path, servers: ServerUrls, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    tests = str(Path(__file__).with_name("authors_tests.py"))
    words = ("-m", "pytest", "-q", "-c", "pytest.ini", "--rootdir", ".", "--import-mode=importlib", tests, *options)
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment_for(
            PYTHONPATH=f"{HOME}:{REPOSITORY}",
            TEST_DATABASE_URL=servers.database_url,
            TEST_REDIS_URL=servers.redis_url,
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


async def test_a_test_that_fails_says_which_unit_and_why_and_quotes_no_row(servers: ServerUrls, tmp_path: Path) -> None:
    ended = await asyncio.to_thread(run_tests, tmp_path, servers, "-o", "backfill_metadata=shop.models:Base.metadata")

    assert "4 failed" in ended.stdout, ended.stdout
    for said in (
        "The schema is not ready for email-normalized: customers.email_normalized_sync missing",
        "refuses is failed",
        "quarantined: ",
        "LookupError",
        "division by zero",
    ):
        assert said in ended.stdout
    assert "LookupError: secret" not in ended.stdout


async def test_where_no_schema_comes_from_the_settings_are_named(servers: ServerUrls, tmp_path: Path) -> None:
    ended = await asyncio.to_thread(run_tests, tmp_path, servers, "-k", "left")

    assert f"alembic upgrade head in {tmp_path} failed on the database of the tests" in ended.stdout
    assert "Set backfill_alembic to its folder, or backfill_metadata" in ended.stdout
