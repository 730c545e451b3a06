"""Puts together what looks at servers for the autopilot: the monitors of a worker, and a single look for a preview."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.autopilot.monitor import Monitor
from backfill.autopilot.placing import Placing
from backfill.autopilot.signals.checks import Check
from backfill.autopilot.watching import Place, Watch, Watcher
from backfill.engine.serving import Served, Serving
from backfill.engine.slices import reconcile
from backfill.opening import database_alone
from backfill.runs.readings import Reading
from backfill.runs.servers import Identity
from backfill.settings import Settings
from backfill.sql.database import open_engine
from backfill.sql.identity import read_identity
from backfill.store.board import AT_DATABASE, RedisBoard
from backfill.store.servers import RedisServers
from backfill.urls import place_of
from backfill.wiring import MONITOR, WORKER_APPLICATION, Service, transaction_limits

MONITOR_CONNECTIONS = 2  # one for the signals and one for the probe
MONITOR_SECONDS = 2.5
LOOK_SECONDS = 0.1


@asynccontextmanager
async def looking(service: Service, serving: Serving) -> AsyncIterator[None]:
    """For as long as the block lasts, at the servers of all databases: one monitor each, on connections of its own,
    which it opens when it has the role."""
    urls = _urls(service.settings, service.urls.database_url)
    async with AsyncExitStack() as stack:
        if len(urls) > 1:
            await stack.enter_async_context(_placing(service, urls).going_on())
        served = Served(service.slices.store, serving)
        for database in urls:
            await stack.enter_async_context(_monitor(service, served, database, urls).looking())
        yield


async def look_once(settings: Settings, database: str) -> tuple[Reading, ...]:
    """What the autopilot would see now of a database and its server: for a preview, which needs no Redis."""
    async with AsyncExitStack() as stack:
        urls = _urls(settings, stack.enter_context(database_alone(settings)))
        place = Place(databases=(database,), here=(database,))
        watcher = await stack.enter_async_context(Watcher(_engines(settings, urls), watch_of(settings)))
        await watcher.probe(LOOK_SECONDS, quiet=False, off=settings.signals_off, place=place)
        return await watcher.read({}, settings.signals_off, place)


def watch_of(settings: Settings) -> Watch:
    return Watch(
        limits=settings.limits,
        off=settings.signals_off,
        checks=tuple(Check(**check.model_dump()) for check in settings.checks),
        expected_standbys=settings.expected_standbys,
        cores=settings.cores,
        least_lanes=settings.least_lanes,
        ours=(WORKER_APPLICATION, MONITOR),
    )


def _urls(settings: Settings, url: str) -> Mapping[str, str]:
    return {"": url, **settings.database_urls}


def _monitor(service: Service, served: Served, database: str, urls: Mapping[str, str]) -> Monitor:
    settings, worker = service.settings, service.slices.worker_id
    store, doorbell = service.slices.store, service.slices.doorbell

    async def wake() -> None:
        await reconcile(store, doorbell, served.serving)

    return Monitor(
        board=RedisBoard(service.redis, prefix=settings.redis_prefix, database=database, sees=urls),
        engines=_engines(settings, urls),
        watch=watch_of(settings),
        who=f"{worker}{AT_DATABASE}{database}" if database else worker,
        backfills=served.names,
        wake=wake,
    )


def _placing(service: Service, urls: Mapping[str, str]) -> Placing:
    engines = {"": service.engine, **service.others}
    limits = transaction_limits(service.settings)

    async def read(database: str) -> Identity:
        return await read_identity(engines[database], limits, place=place_of(urls[database]))

    servers = RedisServers(service.redis, prefix=service.settings.redis_prefix)
    return Placing(databases=tuple(urls), read=read, servers=servers)


def _engines(settings: Settings, urls: Mapping[str, str]) -> Mapping[str, Callable[[], AsyncEngine]]:
    return {database: partial(_engine, settings, url) for database, url in urls.items()}


def _engine(settings: Settings, url: str) -> AsyncEngine:
    return open_engine(
        url,
        application_name=MONITOR,
        pool_size=MONITOR_CONNECTIONS,
        command_timeout_seconds=MONITOR_SECONDS,
        pgbouncer=settings.pgbouncer,
    )
