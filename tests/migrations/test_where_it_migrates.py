from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from alembic.config import Config

from alembic import command
from backfill.runs.errors import DatabaseUnreachable
from tests.conftest import Connect
from tests.migrations.support import HEAD, alembic
from tests.support.commands import REPOSITORY


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Config:
    """What a program passes to Alembic; the settings of whoever runs the tests are out of sight."""
    for name in os.environ:
        if name.startswith(("BACKFILL_", "DATABASE_URL", "REDIS_URL")):
            monkeypatch.delenv(name)
    return Config(toml_file=REPOSITORY / "pyproject.toml")


async def test_a_program_can_migrate_from_a_running_loop(config: Config, blank_database: str, connect: Connect) -> None:
    config.attributes["database_url"] = blank_database

    await asyncio.to_thread(command.upgrade, config, "head")

    assert await (await connect(blank_database)).fetchval("SELECT version_num FROM alembic_version") == HEAD


async def test_a_program_gets_the_error_and_no_exit(config: Config, unused_port: int) -> None:
    config.attributes["database_url"] = f"postgresql://127.0.0.1:{unused_port}/somewhere"

    with pytest.raises(DatabaseUnreachable, match="nothing listens there"):
        await asyncio.to_thread(command.upgrade, config, "head")


def test_without_a_url_it_migrates_the_embedded_server(tmp_path: Path) -> None:
    embedded = str(tmp_path / "embedded")

    upgraded = alembic("upgrade", "head", BACKFILL_EMBEDDED_DIR=embedded)
    asked = alembic("current", BACKFILL_EMBEDDED_DIR=embedded)

    assert upgraded.returncode == 0, upgraded.stderr
    assert asked.stdout == f"{HEAD} (head)\n"


def test_the_offline_script_starts_no_embedded_server(tmp_path: Path) -> None:
    embedded = tmp_path / "embedded"

    rendered = alembic("upgrade", "head", "--sql", BACKFILL_EMBEDDED_DIR=str(embedded))

    assert rendered.returncode == 0, rendered.stderr
    assert not embedded.exists()
