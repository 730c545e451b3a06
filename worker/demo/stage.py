"""Where the demo takes place: a database and a part of Redis in which nothing of anybody's can be lost.

On the embedded servers that is their one database, so that every command typed afterwards finds what the demo left;
on servers of an operator's it is a database and a prefix of the demo's own beside theirs. Either is emptied first,
and only if what is in it is an earlier demo's or nothing at all.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.queue import queue_name
from backfill.runs.errors import OperatorError, UsageError, WrongState
from backfill.settings import Settings
from backfill.sql.database import open_engine, reachable
from backfill.sql.files import load_sql
from backfill.store.client import open_redis, told_plainly
from backfill.urls import ServerUrls, describe, in_database
from worker.schema.models import metadata

APPLICATION_NAME = "backfill-demo"
OWN_DATABASE = "codebegen_demo"
OWN_PREFIX = "backfill-demo"
OWN_FILES = "demo-files"
LOOK_EVERY_SECONDS = 0.25
KEYS_AT_ONCE = 500

_EMBEDDED_INSTEAD = "unset DATABASE_URL and REDIS_URL: then the demo has servers of its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`environment` is what the demo's programs run with; it holds passwords. `files` is a folder of the demo's own."""

    urls: ServerUrls
    redis_prefix: str
    is_embedded: bool
    files: Path
    settings: Settings
    environment: dict[str, str] = field(repr=False)

    @property
    def place(self) -> str:
        if self.is_embedded:
            return f"embedded PostgreSQL and Valkey in {self.settings.embedded_dir}, database codebegen"
        return f"{describe(self.urls.database_url)}, Redis keys {self.redis_prefix}:*"


def choose_stage(settings: Settings, servers: ServerUrls, *, definitions: Sequence[str] = ()) -> Stage:
    """`definitions` are modules of backfills that are not among those of every day."""
    is_embedded = settings.database_url is None
    urls, prefix = servers, settings.redis_prefix
    if not is_embedded:
        own_url = in_database(servers.database_url, OWN_DATABASE)
        urls, prefix = ServerUrls(database_url=own_url, redis_url=servers.redis_url), OWN_PREFIX
    files = settings.embedded_dir.resolve() / OWN_FILES
    definitions = (*settings.definitions, *definitions)
    environment = {
        **os.environ,
        "BACKFILL_DEFINITIONS": ",".join(definitions),
        "FILE_STORAGE_PATH": str(files),
        "FILE_STORAGE_SHARED": "",
        "DATABASE_URL": urls.database_url,
        "REDIS_URL": urls.redis_url,
        "DATABASE_URL_FILE": "",  # the two above are in their place
        "REDIS_URL_FILE": "",
        "BACKFILL_REDIS_PREFIX": prefix,
        # The demo reads what its programs say.
        "BACKFILL_LOG_FORMAT": "json",
        "BACKFILL_LOG_LEVEL": "INFO",
    }
    return Stage(
        urls=urls,
        redis_prefix=prefix,
        is_embedded=is_embedded,
        files=files,
        settings=settings.model_copy(update={"redis_prefix": prefix, "definitions": definitions}),
        environment=environment,
    )


@asynccontextmanager
async def cleared(stage: Stage, servers: ServerUrls, *, keep: bool, say: Callable[[str], None]) -> AsyncIterator[None]:
    """The stage is empty when the block begins, nobody else's while it lasts, and empty again after it unless `keep`.

    Raises WrongState when it is in use or holds what is not the demo's; UsageError when the servers forbid it.
    """
    if stage.settings.pgbouncer:
        raise UsageError("The demo cannot go through PgBouncer.", "Give it the server's own DATABASE_URL.")
    if not stage.is_embedded:
        async with _connection(servers.database_url) as connection, _told_plainly(servers.database_url):
            await _create_database(connection)
    url = stage.urls.database_url
    async with _connection(url) as connection, _redis(stage) as redis:
        async with _told_plainly(url):
            await _refuse_if_not_ours(connection, stage)
            await _refuse_if_worker_is_alive(redis, stage.redis_prefix, say)
            await _clear(connection, stage, redis)
        try:
            yield
        finally:
            if not keep:
                async with _told_plainly(url):
                    await _clear(connection, stage, redis)


async def _create_database(connection: AsyncConnection) -> None:
    if not (await connection.exec_driver_sql(_sql("database_exists"))).scalar_one():
        await connection.exec_driver_sql(_sql("create_database"))


async def _refuse_if_not_ours(connection: AsyncConnection, stage: Stage) -> None:
    if not (await connection.exec_driver_sql(_sql("try_demo_lock"))).scalar_one():
        raise WrongState("Another demo is going on there.", "Let it end first.")
    known = ["alembic_version", *metadata.tables]
    contents = (await connection.execute(text(_sql("read_contents")), {"known": known})).one()
    where = describe(stage.urls.database_url)
    if contents.foreign_names:
        names = ", ".join(contents.foreign_names[:3])
        raise WrongState(f"{where} holds something that is not the demo's: {names}.", _elsewhere(stage))
    if contents.filled and not contents.is_ours:
        raise WrongState(f"{where} holds data that the demo has not made.", _elsewhere(stage))


def _elsewhere(stage: Stage) -> str:
    if stage.is_embedded:
        return "The demo would empty it. Take another folder: BACKFILL_EMBEDDED_DIR=.embedded-demo backfill demo."
    return f"The demo would empty it. Rename or drop it, or {_EMBEDDED_INSTEAD}."


async def _refuse_if_worker_is_alive(redis: Redis, prefix: str, say: Callable[[str], None]) -> None:
    """A killed worker's sign of life lasts for seconds: one that is there is looked at until it ends or is renewed."""
    key = f"{queue_name(prefix)}:health-check"
    with told_plainly():
        left_ms = await redis.pttl(key)
        if left_ms > 0:
            say("A worker was here a moment ago; waiting for a sign that it still is.")
        while left_ms > 0:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            seen_ms, left_ms = left_ms, await redis.pttl(key)
            if left_ms > seen_ms:
                raise WrongState(
                    "A worker is running there, and the demo wants to kill the only one.", "Stop it first (Ctrl-C)."
                )


async def _clear(connection: AsyncConnection, stage: Stage, redis: Redis) -> None:
    """The database in one transaction: whoever comes in between finds the old contents or none. Then the files."""
    await connection.exec_driver_sql("BEGIN")
    for name in ("set_lock_timeout", "drop_schema", "create_schema", "leave_mark"):
        await connection.exec_driver_sql(_sql(name))
    await connection.exec_driver_sql("COMMIT")
    with told_plainly():
        keys = [key async for key in redis.scan_iter(match=f"{stage.redis_prefix}:*", count=KEYS_AT_ONCE)]
        for start in range(0, len(keys), KEYS_AT_ONCE):
            await redis.unlink(*keys[start : start + KEYS_AT_ONCE])
    await asyncio.to_thread(shutil.rmtree, stage.files, ignore_errors=True)


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[AsyncConnection]:
    """Each statement commits by itself."""
    engine = open_engine(url, application_name=APPLICATION_NAME, pool_size=1)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        async with _told_plainly(url):
            connection = await stack.enter_async_context(engine.connect())
            connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        yield connection


@asynccontextmanager
async def _redis(stage: Stage) -> AsyncIterator[Redis]:
    redis = open_redis(stage.urls.redis_url, timeout_seconds=stage.settings.redis_timeout_seconds)
    try:
        yield redis
    finally:
        await redis.aclose()


@asynccontextmanager
async def _told_plainly(url: str) -> AsyncIterator[None]:
    """Turns what an operator can mend into an error that says so. Put nothing but calls of the servers inside."""
    try:
        async with reachable(url):
            yield
    except DBAPIError as error:
        explained = _explained(error, url)
        if explained is None:
            raise
        raise explained from error


def _explained(error: DBAPIError, url: str) -> OperatorError | None:
    match getattr(error.orig, "sqlstate", None):
        case "42501":
            return UsageError(
                f"{describe(url)}: this account may not make or empty the demo's database.",
                f"Let it create databases, or {_EMBEDDED_INSTEAD}.",
            )
        case "55P03":
            return WrongState(f"{describe(url)}: a session holds the tables of an earlier demo.", "End that session.")
    return None


def _sql(name: str) -> str:
    return load_sql("worker.demo", f"sql/{name}.sql")
