"""Today's release migrates at its start, in a tree of its own that knows nothing of this repository's packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Connect
from tests.migrations.support import HEAD, OLD_REVISION, alembic
from tests.migrations.test_migration_guide import GUIDE_FILE
from tests.support.commands import REPOSITORY, environment_for
from tests.support.documents import Page
from tests.support.forked import backfill

VERSIONS = REPOSITORY / "alembic" / "versions"
SHIPPED = f"{HEAD}_generation_versioning.py"
# Reads the same variable as everybody, and has neither the library nor the service.
ENV = """
import asyncio, os, sys
sys.modules["backfill"] = sys.modules["worker"] = None
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine

def run(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()

async def main():
    engine = create_async_engine(os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+asyncpg:", 1))
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()

asyncio.run(main())
"""


class OldRelease:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.versions = folder / "migrations" / "versions"
        self.versions.mkdir(parents=True)
        (folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/migrations\n", encoding="utf-8")
        (folder / "migrations" / "env.py").write_text(ENV, encoding="utf-8")
        shutil.copy(VERSIONS / f"{OLD_REVISION}_application_schema.py", self.versions)

    def ship_the_file_of_the_guide(self) -> None:
        (file,) = [fence.text for fence in Page(GUIDE_FILE).fences if fence.language == "python"]
        (self.versions / SHIPPED).write_text(file, encoding="utf-8")

    def alembic(self, *arguments: str, url: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "alembic", *arguments],
            cwd=self.folder,
            env=environment_for(database_url=url),
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, url: str) -> subprocess.CompletedProcess[str]:
        return self.alembic("upgrade", "head", url=url)


@pytest.fixture
def old_release(tmp_path: Path) -> OldRelease:
    return OldRelease(tmp_path)


def test_on_the_migrated_database_the_old_release_does_not_start(old_release: OldRelease, database: str) -> None:
    started = old_release.start(database)

    assert started.returncode != 0
    assert f"Can't locate revision identified by '{HEAD}'" in started.stdout + started.stderr


def test_the_revision_of_this_repository_would_stop_every_start(old_release: OldRelease, database: str) -> None:
    shutil.copy(VERSIONS / SHIPPED, old_release.versions)
    shutil.copytree(VERSIONS / HEAD, old_release.versions / HEAD)

    assert "No module named 'backfill" in old_release.start(database).stderr


def test_with_the_file_of_the_guide_the_old_release_starts_on_the_migrated_database(
    old_release: OldRelease, database: str
) -> None:
    old_release.ship_the_file_of_the_guide()

    started = old_release.start(database)
    taken_back = old_release.alembic("downgrade", OLD_REVISION, url=database)

    assert started.returncode == 0, started.stderr
    assert taken_back.returncode != 0
    assert "is taken back by the online migration" in taken_back.stderr
    assert alembic("current", url=database).stdout == f"{HEAD} (head)\n"
    assert alembic("downgrade", OLD_REVISION, url=database).returncode == 0


def test_a_release_that_starts_with_the_file_before_the_migration_stands_in_nobodys_way(
    old_release: OldRelease, database_e011: str, environment_e011: dict[str, str]
) -> None:
    old_release.ship_the_file_of_the_guide()

    started = old_release.start(database_e011)
    applied = backfill("schema", "--apply", env=environment_e011)

    assert (started.returncode, applied.returncode) == (0, 0), started.stderr + applied.stdout
    assert old_release.start(database_e011).returncode == 0
    assert backfill("doctor", env=environment_e011).returncode == 0
    assert alembic("current", url=database_e011).stdout == f"{HEAD} (head)\n"


async def test_as_long_as_the_revision_is_not_recorded_the_old_release_starts_as_it_is(
    old_release: OldRelease, database_e011: str, environment_e011: dict[str, str], connect: Connect
) -> None:
    applied = backfill("schema", "--apply", env=environment_e011)

    started = old_release.start(database_e011)
    doctor = backfill("doctor", env=environment_e011)
    recorded = alembic("upgrade", "head", url=database_e011)

    assert applied.returncode == 0, applied.stdout
    assert "alembic upgrade head" in applied.stdout, "the record is left to do"
    assert started.returncode == 0, started.stderr
    assert doctor.returncode == 0, doctor.stdout
    assert recorded.returncode == 0
    assert "adding" not in recorded.stderr
    assert alembic("current", url=database_e011).stdout == f"{HEAD} (head)\n"
