"""A shop that has folders of the service's names, and the library's wheel installed beside it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from backfill.embedded import use_embedded
from tests.support.commands import REPOSITORY, Spawned
from tests.support.embedded_users import RunningServers
from tests.support.foreign_venv import ForeignVenv, build_wheel, install
from tests.support.runs import until_ready
from tests.support.waiting import wait_until

OLD = "2b90f3a6c815"
DEFINITION = "shop.backfills.email_normalized"
OLD_CUSTOMERS = 500
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What a worker of the shop was asked for with `backfill enqueue`, and what `backfill watch` showed of it."""

    shop: ForeignVenv
    connection: asyncpg.Connection
    worker: Spawned
    watched: str


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def shop(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> ForeignVenv:
    folder = tmp_path_factory.mktemp("beside-a-shop")
    shutil.copytree(REPOSITORY / "examples" / "shop", folder / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    # One of its backfills: what commands do that need not be told which.
    own = folder / "shop" / "backfill.toml"
    own.write_text(own.read_text(encoding="utf-8").replace('"shop.backfills"', f'"{DEFINITION}"'), encoding="utf-8")
    return install(wheel, folder / "venv", folder / "shop")


@pytest.fixture(scope="session")
async def database_of_shop(shop: ForeignVenv) -> AsyncIterator[asyncpg.Connection]:
    """Of the servers that the shop's own first command has started; they end with the tests."""
    await asyncio.to_thread(shop.done, "alembic", "upgrade", OLD)
    with use_embedded(shop.servers, database="shop") as joined:
        running = RunningServers(shop.servers)
        connection = await asyncpg.connect(joined.urls.database_url)
        yield connection
        await connection.close()
    await wait_until(running.all_ended, STOP_SECONDS)


@pytest.fixture(scope="session")
def log_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
async def filled(shop: ForeignVenv, database_of_shop: asyncpg.Connection, log_folder: Path) -> AsyncIterator[Filled]:
    await database_of_shop.execute(
        "INSERT INTO customers (email) SELECT format(' Customer.%s@Example.ORG', n) FROM generate_series(1, $1) AS n",
        OLD_CUSTOMERS,
    )
    await asyncio.to_thread(shop.done, "alembic", "upgrade", "head")
    worker = shop.spawn("arq", "worker.main.WorkerSettings", log_file=log_folder / "worker.log")
    await until_ready(worker)
    await asyncio.to_thread(shop.done, "backfill", "enqueue")
    watched = await asyncio.to_thread(shop.done, "backfill", "watch")
    yield Filled(shop=shop, connection=database_of_shop, worker=worker, watched=watched)
    worker.end()


@pytest.fixture
def spawned(shop: ForeignVenv, tmp_path: Path) -> Iterator[list[Spawned]]:
    """For the test to add to; ended after it."""
    started: list[Spawned] = []
    yield started
    for one in started:
        one.end()
