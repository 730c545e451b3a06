"""Opens Redis from a REDIS_URL, and turns its failures into one error an operator can act on."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from redis.asyncio import Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from backfill.runs.errors import RedisUnreachable, SettingsError
from backfill.store.patience import Patience
from backfill.store.pools import Pool, SentinelPool, pool_for
from backfill.urls import read_redis_url

# About three seconds, whichever comes first.
RETRIES = 5
RETRY_SECONDS = 3.0
RETRY_FIRST_SECONDS = 0.05
RETRY_LONGEST_SECONDS = 1.0

_Answer = TypeVar("_Answer")
_EXAMPLE = "Expected something like redis://host:6379/0, or rediss://host:6379/0?ssl_ca_certs=/path/to/ca.pem."


class _Final(Exception):
    """Passes through what would try again."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class _Retry(Retry):
    """Gives up at once where trying again is of no use, and after some seconds in any case.

    Who is not let in will not be let in at the next try either. A server that does not answer has had its time after
    one try: the client would try in each of its tries, and be at it for minutes.
    """

    def __init__(self, retries: int, patience: Patience) -> None:
        super().__init__(ExponentialWithJitterBackoff(RETRY_LONGEST_SECONDS, RETRY_FIRST_SECONDS), retries)
        self._patience = patience

    async def call_with_retry(self, do: Callable[[], Awaitable[_Answer]], fail: Callable[[RedisError], Any]) -> _Answer:
        give_up_at = monotonic() + RETRY_SECONDS

        async def within_limits() -> _Answer:
            try:
                return await do()
            except AuthenticationError as error:
                raise _Final(error) from error
            except (RedisConnectionError, RedisTimeoutError, OSError) as error:
                if monotonic() < give_up_at:
                    raise
                with suppress(RedisError, OSError):
                    await fail(error)  # type: ignore[arg-type]  # as the client itself does with OSError
                raise _Final(error) from error

        try:
            async with self._patience.limited():
                return await super().call_with_retry(within_limits, fail)
        except _Final as final:
            error = final.error
        raise error  # out here: as its own context it would be a circle


def retrying_pool(
    url: str,
    *,
    timeout_seconds: float,
    decode_responses: bool,
    retries: int = RETRIES,
    patience: Patience | None = None,
) -> Pool | SentinelPool:
    """Retries what a restart of Redis looks like (refused, reset, loading), by default for about three seconds.

    Without a socket timeout a frozen Redis would hang its callers for ever. Raises SettingsError.
    """
    at = read_redis_url(url)
    patience = patience or Patience()
    try:
        pool = pool_for(
            url.strip(),
            at,
            decode_responses=decode_responses,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            health_check_interval=30,
            retry=_Retry(retries, patience),
            retry_on_error=[RedisConnectionError, RedisTimeoutError, BusyLoadingError, OSError],
            **({} if at.socket else {"socket_keepalive": True}),
            **_tls(url),
        )
    except ValueError:
        raise SettingsError("REDIS_URL is not a URL.", _EXAMPLE) from None
    _check_parameters(pool)
    pool.patience = patience
    return pool


def _tls(url: str) -> dict[str, Any]:
    """The client checks the certificate by default, but not that it is this host's. What the URL says goes before."""
    parts = urlsplit(url)
    unseen = "none" in parse_qs(parts.query).get("ssl_cert_reqs", [])
    secured = parts.scheme in {"rediss", "rediss+sentinel"}
    return {"ssl_check_hostname": not unseen} if secured else {}


def _check_parameters(pool: Pool | SentinelPool) -> None:
    """A connection that is made and not opened: wrong parameters and missing files show now, and not as a bug later."""
    try:
        connection = pool.connection_class(**pool.connection_kwargs)
        if isinstance(connection, SSLConnection):
            connection.ssl_context.get()
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"REDIS_URL names a certificate file that cannot be used: {reason}.", _EXAMPLE) from None
    except (TypeError, ValueError, RedisError):
        raise SettingsError("REDIS_URL has a parameter that cannot be used.", _EXAMPLE) from None


def open_redis(url: str, *, timeout_seconds: float, retries: int = RETRIES, patience: Patience | None = None) -> Redis:
    """A client that has not connected yet, for strings."""
    pool = retrying_pool(
        url, timeout_seconds=timeout_seconds, decode_responses=True, retries=retries, patience=patience
    )
    return Redis(connection_pool=pool)


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turns any failure of Redis into RedisUnreachable. Put nothing but calls of Redis inside."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise redis_unreachable(error) from error


async def require_writes(redis: Redis, prefix: str) -> None:
    """A worker that may only read would run and do nothing. Raises RedisUnreachable."""
    with told_plainly():
        await redis.set(f"{prefix}:may-write", "1", px=1)


def redis_unreachable(error: BaseException) -> RedisUnreachable:
    """The text of the client says why (refused, timed out, out of memory, read-only); it does not hold the password."""
    refused = _refused_certificate(error)
    if refused is not None:
        return RedisUnreachable(
            f"Redis shows a certificate that is refused: {refused.verify_message.rstrip('.')}.",
            "Check the host in REDIS_URL, and name who signed the certificate: rediss://...?ssl_ca_certs=/path/to/ca.pem.",
        )
    reason = str(error).rstrip(".") or type(error).__name__
    return RedisUnreachable(
        f"Redis cannot be used: {reason}.", "Check REDIS_URL, and that the server runs and may write."
    )


def _refused_certificate(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """The client wraps it, more than once."""
    known: set[int] = set()
    while error is not None and id(error) not in known:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        known.add(id(error))
        error = error.__cause__ or error.__context__
    return None
