"""`backfill schema` on revisions that are made of directives: what is there is no step, and what is missing is one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from backfill.alembic.completing import Completion, Missing
from backfill.sql.database import open_engine
from tests.alembic_online.support import CHAIN, alembic, shape
from tests.conftest import Connect
from tests.migrations.support import psql


async def missing(url: str, revision: str) -> Missing:
    engine = open_engine(url, application_name="tests")
    async with engine.connect() as connection:
        found = await connection.run_sync(Completion(revision).missing)
    await engine.dispose()
    return found


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(CHAIN, tmp_path / "alembic", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)


async def test_what_is_done_is_passed_over_and_the_rest_can_be_run_as_it_is_shown(
    tables: str, chain: None, connect: Connect
) -> None:
    before = await missing(tables, "0002")
    assert alembic("upgrade", "0002", url=tables).returncode == 0
    after, online = await missing(tables, "0002"), shape(tables)

    assert "adding state to orders" in before.steps
    assert "filling token of orders" in before.steps
    assert (after.steps, after.script) == ((), "")

    await (await connect(tables)).execute(
        "DROP INDEX ix_orders_note; ALTER TABLE orders DROP CONSTRAINT ck_orders_total"
    )
    broken = await missing(tables, "0002")
    assert broken.steps == (
        "building index ix_orders_note",
        "adding ck_orders_total to orders",
        "validating ck_orders_total of orders",
    )
    done = psql(tables, broken.script)
    assert done.returncode == 0, done.stderr
    assert shape(tables) == online
