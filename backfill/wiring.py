"""The one place where everything is put together from the settings; nothing else builds its own surroundings.

The half of it that needs no database is `backfill.opening`.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions import Definition, Found, discover
from backfill.definitions.binding import BoundDefinition
from backfill.engine.contracts import Backfills, Contract
from backfill.engine.control import Control
from backfill.engine.failover import Failovers
from backfill.engine.preflight import require_known, the_only_one
from backfill.engine.protocols import Previewable
from backfill.engine.serving import Serving
from backfill.engine.slices import Slices
from backfill.opening import database_alone, open_store, servers
from backfill.queue import ArqDoorbell, open_arq
from backfill.runs.pace import AUTOPILOT, FULL, Pace
from backfill.runs.schedule import Schedule, ScheduleChanges
from backfill.settings import Settings
from backfill.sql.database import open_engine
from backfill.sql.standing import read_standing
from backfill.sql.transactions import Limits
from backfill.store.marks import RedisMarks
from backfill.store.patience import Patience
from backfill.store.presence import new_worker_id
from backfill.urls import ServerUrls
from backfill.webhook import Receiver

WORKER_APPLICATION = "backfill-worker"
MONITOR = "backfill-autopilot"
EDGE_CONNECTIONS = 5
# Each has a limit of its own; a call into a definition that takes longer than so many of them hangs.
STATEMENTS_PER_CALL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What an edge works with: operators' calls (`control`), workers' slices, and the two connections for health.
    `patience` is that with Redis; `others` are the databases that definitions name, by name."""

    settings: Settings
    urls: ServerUrls
    control: Control
    slices: Slices
    engine: AsyncEngine
    redis: Redis
    patience: Patience
    others: Mapping[str, AsyncEngine] = field(default_factory=dict)


def default_pace(settings: Settings, mode: str | None = None) -> Pace:
    """What the settings say; `mode` where it was asked for. The autopilot sees for itself what is too much: what the
    fixed pace holds back by default counts only where somebody has set it."""
    mode = mode or settings.pace
    pace = Pace(
        mode=mode,
        parallel=settings.parallel,
        batch_rows=settings.batch_rows,
        target_ms=settings.target_ms,
        pause_ms=settings.pause_ms,
        rows_per_second=settings.rows_per_second,
    )
    if mode == AUTOPILOT:
        return pace.with_changes({name: most for name, most in FULL.items() if name not in settings.model_fields_set})
    return pace


def schedule_for(settings: Settings, changes: ScheduleChanges) -> Schedule:
    """When a new run is to work: what the settings say, but for what was asked for. Raises UsageError."""
    return changes.applied(Schedule(window=settings.window), time.time_ns() // 1_000_000)


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
    engines = await _open_engines(settings, urls.database_url, stack, application_name=application_name)
    patience = Patience()
    store, redis = open_store(settings, urls.redis_url, stack, patience=patience)
    waits_seconds = settings.redis_timeout_seconds
    arq = open_arq(urls.redis_url, prefix=settings.redis_prefix, timeout_seconds=waits_seconds, patience=patience)
    stack.push_async_callback(arq.aclose, close_connection_pool=True)
    doorbell = ArqDoorbell(arq)
    known = _known(found or discover(settings.definitions), engines, settings)
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
        failovers=Failovers(
            marks=RedisMarks(redis, prefix=settings.redis_prefix),
            read=lambda database: read_standing(engines[database], transaction_limits(settings)),
            databases=known.databases,
        ),
    )
    control = Control(store=store, doorbell=doorbell, known=known)
    return Service(
        settings=settings,
        urls=urls,
        control=control,
        slices=slices,
        engine=engines[""],
        redis=redis,
        patience=patience,
        others={name: engine for name, engine in engines.items() if name},
    )


def receiver_of(settings: Settings) -> Receiver | None:
    """Who is told, where somebody is to be."""
    if settings.webhook_url is None or settings.webhook_secret is None:
        return None
    return Receiver(url=settings.webhook_url.get_secret_value(), secret=settings.webhook_secret.get_secret_value())


@asynccontextmanager
async def open_backfills(settings: Settings, *, application_name: str) -> AsyncIterator[Backfills]:
    """The backfills alone, for what needs the database and no Redis."""
    async with AsyncExitStack() as stack:
        url = stack.enter_context(database_alone(settings))
        engines = await _open_engines(settings, url, stack, application_name=application_name)
        yield _known(discover(settings.definitions), engines, settings)


async def _open_engines(
    settings: Settings, url: str, stack: AsyncExitStack, *, application_name: str
) -> Mapping[str, AsyncEngine]:
    """By name; '' is DATABASE_URL. None connects before it is used."""
    urls = {"": url, **settings.database_urls}
    opened = {}
    for name, one in urls.items():
        opened[name] = await _open_engine(settings, one, stack, application_name=application_name)
    return opened


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


def _known(found: Found, engines: Mapping[str, AsyncEngine], settings: Settings) -> Backfills:
    limits = transaction_limits(settings)
    here = {name: one for name, one in found.definitions.items() if one.database in engines}
    nowhere = {
        name: f"DATABASES has no database called {one.database!r}"
        for name, one in found.definitions.items()
        if name not in here
    }
    contracts: dict[str, Contract] = {
        name: BoundDefinition(definition, engines[definition.database], limits) for name, definition in here.items()
    }
    return Backfills(
        bound=_bound(Found(definitions=here, broken=()), engines, settings),
        contracts=contracts,
        broken={**_reasons(found), **nowhere},
        databases={name: definition.database for name, definition in here.items() if definition.database},
    )


def _bound(found: Found, engines: Mapping[str, AsyncEngine], settings: Settings) -> Mapping[str, Previewable]:
    limits = transaction_limits(settings)
    return {name: one.bound(engines[one.database], limits) for name, one in found.definitions.items()}


def transaction_limits(settings: Settings) -> Limits:
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
