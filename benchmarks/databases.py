"""One prepared database, and a copy of it for each measurement.

The prepared one holds old data and is migrated, vacuumed and analyzed; every way to fill it in begins with the same
files, after a checkpoint.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil

from backfill.runs.errors import UsageError
from backfill.settings import Settings
from backfill.sql.database import open_engine, reachable
from backfill.sql.files import read_sql
from worker.demo.old_data import OldDataShape, create_old_data

ROOT = Path(__file__).resolve().parents[1]
SCHEMA_TODAY = "e011ab9dd223"
SEGMENTS = 64


def sql(name: str) -> str:
    return read_sql(Path(__file__).parent / "sql" / f"{name}.sql")


@asynccontextmanager
async def prepared(server_url: str, shape: OldDataShape, *, revision: str = "head") -> AsyncIterator[str]:
    """URL of a database full of old data, migrated to `revision`, there for this block only."""
    async with empty(server_url) as url:
        _migrate(url, SCHEMA_TODAY)
        engine = open_engine(url, application_name="benchmark", command_timeout_seconds=None)
        try:
            await create_old_data(engine, shape)
        finally:
            await engine.dispose()
        _migrate(url, revision)
        await vacuumed(url)
        yield url


@asynccontextmanager
async def empty(server_url: str) -> AsyncIterator[str]:
    """URL of a database without tables, there for this block only."""
    async with _new_database(server_url, "create_database") as url:
        yield url


@asynccontextmanager
async def copied(server_url: str, template_url: str) -> AsyncIterator[str]:
    """URL of a fresh copy, there for this block only, with everything written to disk."""
    async with _new_database(server_url, "create_copy", template=_name_in(template_url)) as url:
        await checkpoint(server_url)
        yield url


async def checkpoint(server_url: str) -> None:
    await _execute(server_url, sql("checkpoint"))


async def vacuumed(url: str) -> None:
    """As after a quiet night, and everything is written to disk."""
    await _execute(url, sql("vacuum"))
    await checkpoint(url)


async def with_used_segments(server_url: str, segments: int = SEGMENTS) -> None:
    """Fills segments of the WAL, which the server keeps to write them again, as far as its `min_wal_size` lets it."""
    async with _administrator(server_url) as connection:
        for _ in range(segments):
            await connection.execute(sql("fill_segment"))
    await checkpoint(server_url)


async def set_for_large_tables(server_url: str) -> bool:
    """As a server is set up that has large tables and its machine to itself. Whether it is so: what is said now is in
    force from the server's next start on."""
    async with _administrator(server_url) as connection:
        wanted = large_settings().items()
        are_set = [await connection.fetchval(sql("read_size"), name, value) for name, value in wanted]
        if all(are_set):
            return True
        for name, value in wanted:
            await connection.execute(sql("alter_system").format(name=name, value=value))
    return False


def large_settings() -> Mapping[str, str]:
    """A quarter of the memory for blocks, as PostgreSQL's manual advises, and WAL for minutes: checkpoints that come
    every few seconds write each page of a run to the log twice."""
    quarter_mib = psutil.virtual_memory().total // 4 // 2**20
    return {"shared_buffers": f"{quarter_mib}MB", "max_wal_size": "16GB", "min_wal_size": "4GB"}


def environment(**settings: str) -> Mapping[str, str]:
    """What a command of the project gets to see: the outside, and these."""
    return {**os.environ, **settings}


def environment_of(settings: Settings, **more: str) -> Mapping[str, str]:
    """The same for a process that is to work where these settings, which name both servers, do."""
    assert settings.database_url is not None
    assert settings.redis_url is not None
    return environment(
        DATABASE_URL=settings.database_url.get_secret_value(),
        REDIS_URL=settings.redis_url.get_secret_value(),
        BACKFILL_REDIS_PREFIX=settings.redis_prefix,
        **more,
    )


@asynccontextmanager
async def _new_database(server_url: str, statement: str, **names: str) -> AsyncIterator[str]:
    name = f"benchmark_{secrets.token_hex(4)}"
    await _execute(server_url, sql(statement).format(name=name, **names))
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        await _execute(server_url, sql("drop_database").format(name=name))


def _migrate(database_url: str, revision: str) -> None:
    command = (sys.executable, "-m", "alembic", "upgrade", revision)
    # Alembic needs no Redis, but half a pair of URLs would be a mistake.
    env = environment(DATABASE_URL=database_url, REDIS_URL="redis://127.0.0.1", BACKFILL_LOG_LEVEL="WARNING")
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"alembic upgrade {revision} ended with {done.returncode}: {done.stderr}")


def _name_in(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


async def _execute(url: str, statement: str) -> None:
    async with _administrator(url) as connection:
        await connection.execute(statement)


@asynccontextmanager
async def _administrator(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Databases and checkpoints are not everybody's to make; UsageError where they are not this role's."""
    async with reachable(url):
        connection = await asyncpg.connect(url)
    try:
        yield connection
    except asyncpg.InsufficientPrivilegeError as error:
        raise UsageError(
            f"This role may not measure here: {error}.",
            "Benchmarks make databases and checkpoints: take a superuser, on a server that may be tried out, or"
            " set neither DATABASE_URL nor REDIS_URL, and they have servers of their own.",
        ) from None
    finally:
        await connection.close()
