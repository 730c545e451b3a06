"""What connections are made of, for a Redis that Sentinel names."""

from __future__ import annotations

from redis.asyncio import SSLConnection

from backfill.store.client import retrying_pool
from backfill.store.pools import SentinelPool

URL = "sentinel://me:hunter%232@one:1,two/app/3?sentinel_username=asker&sentinel_password=sesame"


def pool_of(url: str) -> SentinelPool:
    pool = retrying_pool(url, timeout_seconds=5.0, decode_responses=True)
    assert isinstance(pool, SentinelPool)
    return pool


def test_the_login_is_to_the_servers_and_the_sentinels_have_their_own() -> None:
    pool = pool_of(f"redis+{URL}")
    asked = [one.connection_pool.connection_kwargs for one in pool.sentinel_manager.sentinels]

    assert (pool.service_name, pool.connection_kwargs["db"]) == ("app", 3)
    assert (pool.connection_kwargs["username"], pool.connection_kwargs["password"]) == ("me", "hunter#2")
    assert [(one["host"], one["port"]) for one in asked] == [("one", 1), ("two", 26379)]
    assert {(one["username"], one["password"]) for one in asked} == {("asker", "sesame")}
    assert not issubclass(pool.connection_class, SSLConnection)


def test_with_tls_both_are_encrypted_and_both_certificates_checked() -> None:
    pool = pool_of(f"rediss+{URL}")
    (asked, _) = (one.connection_pool for one in pool.sentinel_manager.sentinels)

    assert issubclass(pool.connection_class, SSLConnection)
    assert issubclass(asked.connection_class, SSLConnection)
    assert pool.connection_kwargs["ssl_check_hostname"] is True
    assert asked.connection_kwargs["ssl_check_hostname"] is True
