"""Databases that are there for a test: made from a template that has the application's schema."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy import MetaData

from backfill.runs.errors import UsageError
from backfill.sql.database import open_engine
from backfill.sql.files import load_sql

EMPTY = "template0"
LAST_LINES = 15
SECONDS = 120.0


@contextmanager
def new_database(server_url: str, *, template: str | None = None) -> Iterator[str]:
    """The URL of a database on that server that is there for this block only; `template` is the URL of its model."""
    name = f"test_{secrets.token_hex(6)}"
    model = urlsplit(template).path.removeprefix("/") if template else EMPTY
    _on_a_loop(_execute(server_url, load_sql("backfill.testing", "sql/create_database.sql"), name, model))
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        _on_a_loop(_execute(server_url, load_sql("backfill.testing", "sql/drop_database.sql"), name, model))


def migrate(url: str, redis_url: str, folder: Path, revision: str) -> None:
    """By the application's own chain, as its operators do it. Raises UsageError with what Alembic said."""
    environment = {**os.environ, "DATABASE_URL": url, "REDIS_URL": redis_url}
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", revision],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    if done.returncode != 0:
        said = "\n".join(f"{done.stdout}{done.stderr}".strip().splitlines()[-LAST_LINES:])
        raise UsageError(
            f"alembic upgrade {revision} in {folder} failed on the database of the tests:\n{said}\n",
            "Set backfill_alembic to its folder, or backfill_metadata = module:Base.metadata, in pytest's settings. "
            "Its env.py must take the database from DATABASE_URL. Otherwise replace the fixture backfill_schema.",
        )


def create_all(url: str, place: str) -> None:
    """The tables of a MetaData, `shop.models:Base.metadata`. Raises UsageError."""
    module, _, path = place.partition(":")
    try:
        found: Any = import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"backfill_metadata = {place} leads nowhere: {error}.", "Write module:attribute.") from None
    if not isinstance(found, MetaData):
        raise UsageError(f"backfill_metadata = {place} is no MetaData.", "Write shop.models:Base.metadata, say.")
    _on_a_loop(_create_all(url, found))


async def _create_all(url: str, metadata: MetaData) -> None:
    engine = open_engine(url, application_name="backfill-tests")
    try:
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
    finally:
        await engine.dispose()


async def _execute(server_url: str, statement: str, name: str, template: str) -> None:
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(statement.format(name=name, template=template))
    finally:
        await connection.close()


def _on_a_loop(coroutine: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: a fixture may be asked for while a loop of the test's runs in this one."""
    failures: list[BaseException] = []

    def target() -> None:
        try:
            asyncio.run(coroutine)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            failures.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
