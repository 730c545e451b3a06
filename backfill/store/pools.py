"""Pools of connections to Redis: to the server that the URL names, or to the one that Sentinel names when it is asked.

A connection that is made anew asks Sentinel again, and one whose server has become a replica is given up: so a failover
is for whoever uses the pool what a restart is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from redis.asyncio import ConnectionPool, Redis, SSLConnection
from redis.asyncio.connection import parse_url
from redis.asyncio.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.exceptions import RedisError

from backfill.store.patience import Patience
from backfill.urls import SENTINEL_SCHEMES, RedisUrl

# The next Sentinel may answer while one does not.
SENTINEL_SECONDS = 1.0
# The login to the Sentinels, which is not that to the servers.
_OF_SENTINEL = {"sentinel_username": "username", "sentinel_password": "password"}
_FOR_BOTH = ("ssl_", "socket_")


class Pool(ConnectionPool):
    """Making a connection, which the client does outside of its retries, and waiting for the turn to do so, are within
    the process's patience, too."""

    patience: Patience

    async def get_connection(self, *_: Any, **__: Any) -> Any:
        async with self.patience.limited():
            return await super().get_connection()


class SentinelPool(SentinelConnectionPool):
    """As `Pool`. Its connections to the Sentinels are closed with those to the server."""

    patience: Patience

    async def get_connection(self, *_: Any, **__: Any) -> Any:
        async with self.patience.limited():
            return await super().get_connection()

    async def disconnect(self, inuse_connections: bool = True) -> None:
        await super().disconnect(inuse_connections)
        if inuse_connections:
            for sentinel in self.sentinel_manager.sentinels:
                await sentinel.connection_pool.disconnect()


class _Sentinels(Sentinel):
    """Asks one after the other, those that answered last first, and says of each why it could not tell."""

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        reasons = []
        for number, sentinel in enumerate(self.sentinels):
            try:
                known: Mapping[str, dict[str, Any]] = await sentinel.sentinel_masters()  # type: ignore[no-untyped-call]
            except (RedisError, OSError) as error:
                reasons.append(str(error).rstrip("."))
                continue
            state = known.get(service_name)
            if state and self.check_master_state(state, service_name):
                self.sentinels[0], self.sentinels[number] = sentinel, self.sentinels[0]
                return state["ip"], int(state["port"])
            reasons.append(f"{_place(sentinel)} {'says that it is down' if state else 'does not know it'}")
        raise MasterNotFoundError(f"Sentinel names no primary of {service_name} ({'; '.join(reasons)})")


def _place(sentinel: Redis) -> str:
    where = sentinel.connection_pool.connection_kwargs
    return f"{where['host']}:{where['port']}"


def pool_for(url: str, at: RedisUrl, **options: Any) -> Pool | SentinelPool:
    """`options` are those of a connection. Raises ValueError for what the client cannot read."""
    if not at.sentinels:
        return Pool.from_url(url, **options)
    scheme, _, _ = url.partition("://")
    said = {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
    login = {name: said.pop(asked) for asked, name in _OF_SENTINEL.items() if asked in said}
    login_to_servers, at_sign, _ = urlsplit(url).netloc.rpartition("@")
    plain = f"{SENTINEL_SCHEMES[scheme]}://{login_to_servers}{at_sign}by-sentinel:1/{at.database}?{urlencode(said)}"
    options |= parse_url(plain)
    for name in ("host", "port"):
        del options[name]
    is_secured = options.pop("connection_class", None) is SSLConnection
    options["connection_class"] = SentinelManagedSSLConnection if is_secured else SentinelManagedConnection
    of_sentinels = _for_sentinels(options, login, is_secured=is_secured)
    manager = _Sentinels(at.sentinels, sentinel_kwargs=of_sentinels)  # type: ignore[no-untyped-call]
    return SentinelPool(at.service, manager, **options)  # type: ignore[no-untyped-call]


def _for_sentinels(options: Mapping[str, Any], login: Mapping[str, str], *, is_secured: bool) -> dict[str, Any]:
    kept = {name: value for name, value in options.items() if name.startswith(_FOR_BOTH)}
    seconds = min(SENTINEL_SECONDS, kept["socket_timeout"])
    kept |= {"socket_timeout": seconds, "socket_connect_timeout": seconds, "decode_responses": True}
    return kept | {"ssl": is_secured, **login}
