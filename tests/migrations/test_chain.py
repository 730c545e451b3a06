from __future__ import annotations

import re

from tests.conftest import Connect
from tests.migrations.support import HEAD, OLD_REVISION, alembic

# Words that begin a statement of data, where they do not follow the words that make them part of a definition.
_DATA = re.compile(r"^\s*(INSERT INTO|UPDATE|DELETE FROM|TRUNCATE|COPY|MERGE INTO)\s+(\S+)", re.MULTILINE)
_BODY = re.compile(r"\$(\w*)\$.*?\$\1\$", re.DOTALL)


def test_there_is_one_head() -> None:
    assert alembic("heads").stdout == f"{HEAD} (head)\n"


def test_history_shows_the_chain() -> None:
    history = alembic("history").stdout

    assert f"{OLD_REVISION} -> {HEAD} (head), " in history
    assert f"<base> -> {OLD_REVISION}, " in history


async def test_the_metadata_is_what_the_revisions_make(database: str) -> None:
    checked = alembic("check", url=database)

    assert (checked.returncode, checked.stdout) == (0, "No new upgrade operations detected.\n")


async def test_a_column_that_the_metadata_does_not_know_is_noticed(database: str, connect: Connect) -> None:
    await (await connect(database)).execute("ALTER TABLE generations ALTER COLUMN version SET DEFAULT 2")

    assert alembic("check", url=database).returncode != 0


def test_the_offline_script_needs_no_database_and_writes_no_rows() -> None:
    rendered = alembic("upgrade", "head", "--sql")

    assert rendered.returncode == 0, rendered.stderr
    written_to = {table for _, table in _DATA.findall(_BODY.sub("", rendered.stdout))}
    assert written_to == {"alembic_version"}
    assert "SET LOCAL lock_timeout = '400ms'" in rendered.stdout
    assert "CREATE INDEX CONCURRENTLY" in rendered.stdout


def test_the_offline_script_takes_the_lock_timeout_from_the_settings() -> None:
    rendered = alembic("upgrade", "head", "--sql", BACKFILL_MIGRATION_LOCK_TIMEOUT_MS="250")

    assert "SET LOCAL lock_timeout = '250ms'" in rendered.stdout


def test_the_way_back_can_be_rendered_too() -> None:
    rendered = alembic("downgrade", f"{HEAD}:{OLD_REVISION}", "--sql")

    assert rendered.returncode == 0, rendered.stderr
    assert "DROP COLUMN IF EXISTS storage_path" in rendered.stdout
