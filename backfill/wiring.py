"""The one place where everything is put together from the settings; nothing else builds its own surroundings.

The half of it that needs no database is `backfill.opening`.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.embedded import ServerUrls
from backfill.engine.control import Control
from backfill.engine.protocols import Previewable
from backfill.engine.serving import Serving
from backfill.engine.slices import Slices
from backfill.opening import database_alone, open_store, servers
from backfill.queue import ArqDoorbell, open_arq
from backfill.runs.pace import Pace
from backfill.settings import Settings
from backfill.sql.database import open_engine
from backfill.store.presence import new_worker_id
from worker.generations.backfill import GenerationVersions
from worker.generations.transactions import Limits

EDGE_CONNECTIONS = 5
# Each has a limit of its own; a call into a definition that takes longer than so many of them hangs.
STATEMENTS_PER_CALL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What an edge works with: operators' calls (`control`), workers' slices, and the two connections for health."""

    settings: Settings
    urls: ServerUrls
    control: Control
    slices: Slices
    engine: AsyncEngine
    redis: Redis


def default_pace(settings: Settings) -> Pace:
    return Pace(
        parallel=settings.parallel,
        batch_rows=settings.batch_rows,
        target_ms=settings.target_ms,
        pause_ms=settings.pause_ms,
        rows_per_second=settings.rows_per_second,
    )


def call_seconds(settings: Settings) -> float:
    """How long one call into a definition may take."""
    return STATEMENTS_PER_CALL * settings.database_timeout_seconds


@asynccontextmanager
async def open_service(settings: Settings, *, application_name: str) -> AsyncIterator[Service]:
    """Starts or joins embedded servers where no URL is set; connects to nothing by itself."""
    async with AsyncExitStack() as stack:
        urls = stack.enter_context(servers(settings))
        yield await build_service(settings, urls, stack, application_name=application_name)


async def build_service(
    settings: Settings, urls: ServerUrls, stack: AsyncExitStack, *, application_name: str
) -> Service:
    """Everything that `stack` closes again, on servers that are known already."""
    engine = await _open_engine(settings, urls.database_url, stack, application_name=application_name)
    store, redis = open_store(settings, urls.redis_url, stack)
    arq = open_arq(urls.redis_url, prefix=settings.redis_prefix, timeout_seconds=settings.redis_timeout_seconds)
    stack.push_async_callback(arq.aclose, close_connection_pool=True)
    doorbell = ArqDoorbell(arq)
    backfills = _backfills(engine, settings)
    slices = Slices(
        store=store,
        doorbell=doorbell,
        backfills=backfills,
        serving=Serving(backfills.keys()),
        worker_id=new_worker_id(),
        slice_seconds=settings.slice_seconds,
        lease_seconds=settings.lease_seconds,
        call_seconds=call_seconds(settings),
        steady_ms=lambda: time.monotonic_ns() // 1_000_000,
        random=random.Random(),
    )
    control = Control(store=store, doorbell=doorbell, backfills=backfills)
    return Service(settings=settings, urls=urls, control=control, slices=slices, engine=engine, redis=redis)


@asynccontextmanager
async def open_backfills(settings: Settings, *, application_name: str) -> AsyncIterator[Mapping[str, Previewable]]:
    """The backfills alone, for what needs the database and no Redis."""
    async with AsyncExitStack() as stack:
        url = stack.enter_context(database_alone(settings))
        yield _backfills(await _open_engine(settings, url, stack, application_name=application_name), settings)


async def _open_engine(settings: Settings, url: str, stack: AsyncExitStack, *, application_name: str) -> AsyncEngine:
    engine = open_engine(
        url,
        application_name=application_name,
        pool_size=max(EDGE_CONNECTIONS, settings.parallel + 2),
        command_timeout_seconds=settings.database_timeout_seconds,
        pgbouncer=settings.pgbouncer,
    )
    stack.push_async_callback(engine.dispose)
    return engine


def _backfills(engine: AsyncEngine, settings: Settings) -> Mapping[str, Previewable]:
    limits = Limits(
        lock_timeout_ms=settings.lock_timeout_ms,
        statement_timeout_ms=settings.statement_timeout_ms,
        scan_timeout_ms=round(settings.database_timeout_seconds * 1000),
        idle_in_transaction_timeout_ms=settings.idle_in_transaction_timeout_ms,
    )
    shipped = (GenerationVersions(engine, limits),)
    return {backfill.name: backfill for backfill in shipped}
