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

from backfill.definitions import Definition, Found, discover
from backfill.definitions.binding import BoundDefinition
from backfill.embedded import ServerUrls
from backfill.engine.contracts import Backfills, Contract
from backfill.engine.control import Control
from backfill.engine.preflight import require_known, the_only_one
from backfill.engine.protocols import Previewable
from backfill.engine.serving import Serving
from backfill.engine.slices import Slices
from backfill.opening import database_alone, open_store, servers
from backfill.queue import ArqDoorbell, open_arq
from backfill.runs.pace import Pace
from backfill.settings import Settings
from backfill.sql.database import open_engine
from backfill.sql.transactions import Limits
from backfill.store.presence import new_worker_id

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


def one_definition(settings: Settings, name: str | None) -> Definition:
    """The one of that name, or the only one that there is. Raises UnknownBackfill, UsageError."""
    found = discover(settings.definitions)
    wanted = name or the_only_one(found.definitions)
    require_known(found.definitions, wanted, _reasons(found))
    return found.definitions[wanted]


@asynccontextmanager
async def open_service(settings: Settings, *, application_name: str) -> AsyncIterator[Service]:
    """Starts or joins embedded servers where no URL is set; connects to nothing by itself."""
    async with AsyncExitStack() as stack:
        urls = stack.enter_context(servers(settings))
        yield await build_service(settings, urls, stack, application_name=application_name)


async def build_service(
    settings: Settings, urls: ServerUrls, stack: AsyncExitStack, *, application_name: str, found: Found | None = None
) -> Service:
    """What `stack` closes again, on servers that are known already; with `found` instead of what is discovered."""
    engine = await _open_engine(settings, urls.database_url, stack, application_name=application_name)
    store, redis = open_store(settings, urls.redis_url, stack)
    arq = open_arq(urls.redis_url, prefix=settings.redis_prefix, timeout_seconds=settings.redis_timeout_seconds)
    stack.push_async_callback(arq.aclose, close_connection_pool=True)
    doorbell = ArqDoorbell(arq)
    found = found or discover(settings.definitions)
    known = _known(found, engine, settings)
    slices = Slices(
        store=store,
        doorbell=doorbell,
        bind=known.with_parameters,
        serving=Serving(known.bound.keys(), versions=known.versions()),
        worker_id=new_worker_id(),
        slice_seconds=settings.slice_seconds,
        lease_seconds=settings.lease_seconds,
        call_seconds=call_seconds(settings),
        steady_ms=lambda: time.monotonic_ns() // 1_000_000,
        random=random.Random(),
    )
    control = Control(store=store, doorbell=doorbell, known=known)
    return Service(settings=settings, urls=urls, control=control, slices=slices, engine=engine, redis=redis)


@asynccontextmanager
async def open_backfills(settings: Settings, *, application_name: str) -> AsyncIterator[Backfills]:
    """The backfills alone, for what needs the database and no Redis."""
    async with AsyncExitStack() as stack:
        url = stack.enter_context(database_alone(settings))
        engine = await _open_engine(settings, url, stack, application_name=application_name)
        yield _known(discover(settings.definitions), engine, settings)


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


def _known(found: Found, engine: AsyncEngine, settings: Settings) -> Backfills:
    limits = _limits(settings)
    contracts: dict[str, Contract] = {
        name: BoundDefinition(definition, engine, limits) for name, definition in found.definitions.items()
    }
    return Backfills(bound=_bound(found, engine, settings), contracts=contracts, broken=_reasons(found))


def _bound(found: Found, engine: AsyncEngine, settings: Settings) -> Mapping[str, Previewable]:
    limits = _limits(settings)
    return {name: definition.bound(engine, limits) for name, definition in found.definitions.items()}


def _limits(settings: Settings) -> Limits:
    return Limits(
        lock_timeout_ms=settings.lock_timeout_ms,
        statement_timeout_ms=settings.statement_timeout_ms,
        scan_timeout_ms=round(settings.database_timeout_seconds * 1000),
        idle_in_transaction_timeout_ms=settings.idle_in_transaction_timeout_ms,
    )


def _reasons(found: Found) -> dict[str, str]:
    """By place; one that two things are wrong with has both."""
    reasons: dict[str, str] = {}
    for one in found.broken:
        reasons[one.place] = f"{reasons[one.place]}; {one.error}" if one.place in reasons else one.error
    return reasons
