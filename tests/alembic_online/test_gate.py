from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from backfill.urls import ServerUrls
from tests.alembic_online.support import CHAIN
from tests.conftest import Connect
from tests.migrations.support import psql
from tests.support.commands import environment_for
from tests.support.databases import new_database
from tests.support.forked import backfill, run

EXPAND = """
import sqlalchemy as sa
from backfill.alembic import op
from tests.support.shop_tables import EmailNormalized
revision, down_revision = "expand", None

def upgrade():
    op.online_add_column("customers", sa.Column("email_normalized", sa.Text()))
    op.create_sync_trigger(EmailNormalized)

def downgrade():
    op.drop_sync_trigger(EmailNormalized)
    op.online_drop_column("customers", "email_normalized")
"""
CONTRACT = """
from backfill.alembic import op
revision, down_revision = "contract", "expand"

def upgrade():
    op.require_backfill("email-normalized")
    op.online_set_not_null("customers", "email_normalized")
    op.online_drop_trigger_function("email_normalized_sync")

def downgrade():
    op.redo_revision("expand")
    op.online_drop_not_null("customers", "email_normalized")
"""
TRIGGERS = "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'customers'::regclass AND NOT tgisinternal"
SPOIL_ONE = "UPDATE customers SET email_normalized = 'wrong' WHERE id = 7"


class Shop:
    def __init__(self, url: str, chain: Path, environment: dict[str, str]) -> None:
        self.url = url
        self._chain = chain
        self.environment = environment

    def alembic(self, *arguments: str, **more: str) -> Any:
        return run("alembic", "-c", str(self._chain), *arguments, env=self.environment | more)

    async def finish(self) -> Any:
        return await asyncio.to_thread(backfill, "finish", "email-normalized", env=self.environment)


@pytest.fixture
async def shop(tmp_path: Path, servers: ServerUrls, redis_url: str, connect: Connect) -> AsyncIterator[Shop]:
    shutil.copytree(CHAIN, tmp_path / "chain", ignore=shutil.ignore_patterns("versions", "__pycache__"))
    (tmp_path / "chain" / "versions").mkdir()
    for name, revision in (("expand", EXPAND), ("contract", CONTRACT)):
        (tmp_path / "chain" / "versions" / f"{name}.py").write_text(revision)
    async with new_database(servers.database_url) as url:
        connection = await connect(url)
        await connection.execute(
            "CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text)"
        )
        await connection.execute("INSERT INTO customers (email) SELECT ' A' || n FROM generate_series(1, 2000) AS n")
        environment = environment_for(
            database_url=url, redis_url=redis_url, BACKFILL_DEFINITIONS="tests.support.shop_tables"
        )
        yield Shop(url, tmp_path / "chain" / "alembic.ini", environment)


async def test_the_gate_refuses_with_one_row_left_and_opens_when_it_is_done(shop: Shop, connect: Connect) -> None:
    application = await connect(shop.url)

    refused = shop.alembic("upgrade", "head")
    assert "email-normalized is not done" in refused.stderr
    assert "(2,000)" in refused.stderr
    assert "backfill finish email-normalized" in refused.stderr
    assert await application.fetchval("SELECT version_num FROM alembic_version") == "expand"

    finished = await shop.finish()
    assert finished.returncode == 0, finished.stderr
    await application.execute(SPOIL_ONE)
    one_left = shop.alembic("upgrade", "head")
    assert one_left.returncode == 3
    assert "(1)" in one_left.stderr

    assert (await shop.finish()).returncode == 0
    opened = shop.alembic("upgrade", "head")
    assert opened.returncode == 0, opened.stderr
    assert await application.fetchval(TRIGGERS) == 0
    # As if it had been killed before its revision was recorded: the trigger is gone by now, and the data is right.
    assert shop.alembic("stamp", "expand").returncode == 0
    assert shop.alembic("upgrade", "head").returncode == 0
    assert shop.alembic("downgrade", "expand").returncode == 0
    assert await application.fetchval(TRIGGERS) == 1
    assert shop.alembic("downgrade", "base").returncode == 0


async def test_the_gate_is_the_same_in_a_plain_env_py(shop: Shop, connect: Connect) -> None:
    refused = shop.alembic("upgrade", "head", PLAIN_ENV="1")
    await (await connect(shop.url)).execute("UPDATE customers SET email = email")
    opened = shop.alembic("upgrade", "head", PLAIN_ENV="1")

    assert refused.returncode == 3
    assert "(2,000)" in refused.stderr
    assert opened.returncode == 0, opened.stderr


async def test_in_a_script_the_gate_is_a_statement_that_raises(shop: Shop, connect: Connect) -> None:
    assert shop.alembic("upgrade", "expand").returncode == 0
    script = shop.alembic("upgrade", "expand:contract", "--sql", BACKFILL_LOG_LEVEL="WARNING").stdout

    refused = psql(shop.url, script)
    await (await connect(shop.url)).execute("UPDATE customers SET email = email")
    opened = psql(shop.url, script)

    assert refused.returncode != 0
    assert "email-normalized is not done: run backfill finish email-normalized" in refused.stderr
    assert opened.returncode == 0, opened.stderr


async def test_a_gate_of_an_unknown_backfill_names_what_there_is(shop: Shop) -> None:
    refused = shop.alembic("upgrade", "head", BACKFILL_DEFINITIONS="worker.generations")

    assert refused.returncode == 2
    assert "There is no backfill email-normalized; found: generation-versions" in refused.stderr
