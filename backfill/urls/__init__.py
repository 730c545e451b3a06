"""Reads the two URLs that an operator sets. Nothing here connects or needs a library."""

from backfill.urls.postgres import TLS_FILES, DatabaseUrl, Host, describe, in_database, place_of, read_database_url
from backfill.urls.redis import SENTINEL_SCHEMES, RedisUrl, read_redis_url
from backfill.urls.servers import ServerUrls

__all__ = [
    "SENTINEL_SCHEMES",
    "TLS_FILES",
    "DatabaseUrl",
    "Host",
    "RedisUrl",
    "ServerUrls",
    "describe",
    "in_database",
    "place_of",
    "read_database_url",
    "read_redis_url",
]
