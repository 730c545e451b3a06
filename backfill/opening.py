"""Puts together what needs Redis and no database: the servers' URLs, the store, and steering what is there.

Most commands only look at a run or act on it. They load none of the libraries of the database and of the queue, which
take longer to load than such a command takes to do its work.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from backfill.engine.steering import Steering
from backfill.runs.errors import SettingsError
from backfill.settings import Settings
from backfill.store.board import Boards
from backfill.store.client import open_redis
from backfill.store.limits import PATIENCE_SECONDS, StoreLimits
from backfill.store.outbox import HOOKS, WEBHOOK
from backfill.store.redis_store import RedisStore
from backfill.urls import ServerUrls

OPERATOR_WAITS_SECONDS = 3.0

if TYPE_CHECKING:
    from backfill.engine.protocols import Doorbell
    from backfill.store.patience import Patience


@contextmanager
def servers(settings: Settings) -> Iterator[ServerUrls]:
    """The operator's servers, or the embedded ones for as long as the block lasts."""
    database, redis = settings.database_url, settings.redis_url
    if database and redis:
        yield ServerUrls(database_url=database.get_secret_value(), redis_url=redis.get_secret_value())
        return
    if database or redis:
        missing, present = ("REDIS_URL", "DATABASE_URL") if database else ("DATABASE_URL", "REDIS_URL")
        raise SettingsError(f"{missing} is not set, but {present} is.", "Set both, or neither for embedded servers.")
    from backfill.embedded import use_embedded  # noqa: PLC0415 - whoever has servers needs nothing of the embedded ones

    with use_embedded(settings.embedded_dir, database=settings.embedded_database) as embedded:
        yield embedded.urls


@contextmanager
def database_alone(settings: Settings) -> Iterator[str]:
    """The URL of the database, for what needs no Redis."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with servers(settings) as urls:
        yield urls.database_url


@contextmanager
def redis_alone(settings: Settings) -> Iterator[str]:
    """The URL of Redis, for what needs no database."""
    if settings.redis_url is not None:
        yield settings.redis_url.get_secret_value()
        return
    with servers(settings) as urls:
        yield urls.redis_url


def for_an_operator(settings: Settings) -> Settings:
    """Who waits at a keyboard waits less long for Redis than a worker."""
    seconds = min(settings.redis_timeout_seconds, OPERATOR_WAITS_SECONDS)
    return settings.model_copy(update={"redis_timeout_seconds": seconds})


def open_store(
    settings: Settings, redis_url: str, stack: AsyncExitStack, *, patience: Patience | None = None
) -> tuple[RedisStore, Redis]:
    """The store, and its connection; `stack` closes it."""
    redis = open_redis(redis_url, timeout_seconds=settings.redis_timeout_seconds, patience=patience)
    stack.push_async_callback(redis.aclose, close_connection_pool=True)
    limits = StoreLimits(
        quarantine_share=settings.quarantine_share,
        keep_days=settings.keep_runs_days,
        throttled_seconds=settings.webhook_throttled_seconds,
        readers=(HOOKS, WEBHOOK) if settings.webhook_url else (HOOKS,),
        patience_seconds=max(PATIENCE_SECONDS, 5 * (settings.lease_seconds + settings.slice_seconds)),
    )
    prefix, lease_seconds = settings.redis_prefix, settings.lease_seconds
    return RedisStore(redis, prefix=prefix, lease_seconds=lease_seconds, limits=limits), redis


@asynccontextmanager
async def open_steering(settings: Settings) -> AsyncIterator[Steering]:
    """Starts or joins embedded servers where no URL is set; connects to nothing by itself."""
    async with AsyncExitStack() as stack:
        url = stack.enter_context(redis_alone(settings))
        store, _ = open_store(settings, url, stack)
        yield Steering(store=store, doorbell=_LateDoorbell(settings, url, stack))


@asynccontextmanager
async def open_boards(settings: Settings) -> AsyncIterator[Boards]:
    """What the autopilot says, and what is said to it."""
    async with AsyncExitStack() as stack:
        url = stack.enter_context(redis_alone(settings))
        _, redis = open_store(settings, url, stack)
        yield Boards(redis, prefix=settings.redis_prefix)


class _LateDoorbell:
    """Opens the queue when it is rung: few of these commands ring."""

    def __init__(self, settings: Settings, url: str, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._url = url
        self._stack = stack
        self._doorbell: Doorbell | None = None

    async def ring(self, address: str, run_id: str, times: int) -> None:
        if self._doorbell is None:
            self._doorbell = self._open()
        await self._doorbell.ring(address, run_id, times)

    def _open(self) -> Doorbell:
        from backfill.queue import ArqDoorbell, open_arq  # noqa: PLC0415 - see above

        timeout_seconds = self._settings.redis_timeout_seconds
        arq = open_arq(self._url, prefix=self._settings.redis_prefix, timeout_seconds=timeout_seconds)
        self._stack.push_async_callback(arq.aclose, close_connection_pool=True)
        return ArqDoorbell(arq)
