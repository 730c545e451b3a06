"""A migrated database with a user, and a marked root of the files, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from socket import gethostname

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.sql.database import open_engine
from tests.support.filed import Filed
from tests.support.in_process import InProcessRun, in_process_run
from tests.support.old_rows import old_rows
from worker.files.storage.marker import mark


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "storage" / "projects"
    mark(folder, gethostname())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FILE_STORAGE_PATH", "./storage/projects")
    return folder


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(database, application_name="test-files")
    yield opened
    await opened.dispose()


@pytest.fixture
async def filed(database: str, root: Path) -> AsyncIterator[Filed]:
    async with old_rows(database) as rows:
        connection: asyncpg.Connection = rows.connection
        yield Filed(root, connection)


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened
