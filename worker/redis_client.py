"""Opens Redis from a REDIS_URL, and turns its failures into one error an operator can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import BusyLoadingError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from worker.runs.errors import RedisUnreachable, SettingsError

# About three seconds for whoever waits at a terminal, about a minute for a worker.
RETRIES = 5
RETRIES_OF_WORKER = 120
RETRY_FIRST_SECONDS = 0.05
RETRY_LONGEST_SECONDS = 1.0


def retrying_pool(
    url: str, *, timeout_seconds: float, decode_responses: bool, retries: int = RETRIES
) -> ConnectionPool:
    """Retries what a restart of Redis looks like (refused, reset, loading), by default for about three seconds.

    Without a socket timeout a frozen Redis would hang its callers for ever.
    """
    try:
        return ConnectionPool.from_url(
            url,
            decode_responses=decode_responses,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            socket_keepalive=True,
            health_check_interval=30,
            retry=Retry(ExponentialWithJitterBackoff(RETRY_LONGEST_SECONDS, RETRY_FIRST_SECONDS), retries),
            retry_on_error=[RedisConnectionError, RedisTimeoutError, BusyLoadingError, OSError],
        )
    except ValueError:
        raise SettingsError("REDIS_URL is not a URL.", "Expected something like redis://host:6379/0.") from None


def open_redis(url: str, *, timeout_seconds: float) -> Redis:
    """A client that has not connected yet, for strings."""
    return Redis(connection_pool=retrying_pool(url, timeout_seconds=timeout_seconds, decode_responses=True))


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turns any failure of Redis into RedisUnreachable. Put nothing but calls of Redis inside."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise redis_unreachable(error) from error


def redis_unreachable(error: BaseException) -> RedisUnreachable:
    """The text of the client says why (refused, timed out, out of memory, read-only); it does not hold the password."""
    reason = str(error).rstrip(".") or type(error).__name__
    return RedisUnreachable(
        f"Redis cannot be used: {reason}.", "Check REDIS_URL, and that the server runs and may write."
    )
