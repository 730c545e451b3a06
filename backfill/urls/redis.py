"""Reads a REDIS_URL: what the client would take for something else than what was meant is refused.

The client itself reads the URL again when it connects; here it is only looked at, and no part of it that could be a
password is repeated.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from backfill.runs.errors import SettingsError

# By its scheme, how the servers are spoken to that Sentinel names.
SENTINEL_SCHEMES = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}
_SCHEMES = ("redis", "rediss", "unix")
_EXAMPLE = (
    "Expected something like redis://:password@host:6379/0, rediss://host:6379/0?ssl_ca_certs=/path/to/ca.pem, "
    "unix:///path/to/redis.sock?db=0, or redis+sentinel://:password@host:26379,host2:26379/service/0."
)
_SENTINEL_EXAMPLE = "Expected something like redis+sentinel://user:password@host:26379,host2:26379/service/0."
_SENTINEL_PORT = 26379
_ENCODED = "A password must have its special characters percent-encoded."
_SEVERAL = "names several hosts; with Sentinel it begins with redis+sentinel://, and of Cluster nothing is known here"
# The answers of Redis are read in two ways here, and neither is the URL's to choose.
_SET_HERE = {"decode_responses", "encoding", "encoding_errors"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisUrl:
    """`socket` instead of host and port; `service` and `sentinels` instead of either: those say where it is now."""

    host: str = ""
    port: int = 6379
    socket: str = ""
    database: int = 0
    service: str = ""
    sentinels: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        """In words that may be shown."""
        where = self.socket or _address(self.host, self.port)
        if self.sentinels:
            where = f"{self.service}, by Sentinel at {', '.join(_address(*one) for one in self.sentinels)}"
        return f"{where} (database {self.database})"


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def read_redis_url(url: str) -> RedisUrl:
    """Raises SettingsError, without the URL."""
    if url.strip().partition("://")[0] in SENTINEL_SCHEMES:
        return _read_sentinel_url(url.strip())
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise _mistake(_why_unreadable(url)) from None
    if parts.scheme not in _SCHEMES:
        if not parts.scheme or not parts.netloc:
            raise _mistake("is not a URL")
        raise _mistake(f"begins with {parts.scheme}://, not with redis://, rediss://, redis+sentinel:// or unix://")
    said = _said(parts)
    if parts.scheme == "unix":
        return RedisUrl(socket=_socket(parts), database=_database(said.get("db", "")))
    if "," in parts.netloc.rpartition("@")[2]:
        raise _mistake(_SEVERAL)
    database = _database(said.get("db") or unquote(parts.path).replace("/", ""))
    return RedisUrl(host=parts.hostname or "localhost", port=port or 6379, database=database)


def _read_sentinel_url(url: str) -> RedisUrl:
    """What stands before the path are the Sentinels, and the login to the servers that they name."""
    parts = urlsplit(url)
    said = _said(parts)
    service, _, database = unquote(parts.path).strip("/").partition("/")
    if not service:
        raise _mistake("does not name the service that Sentinel looks after", _SENTINEL_EXAMPLE)
    return RedisUrl(
        service=service,
        sentinels=tuple(_sentinel(one) for one in parts.netloc.rpartition("@")[2].split(",")),
        database=_database(said.get("db") or database),
    )


def _sentinel(text: str) -> tuple[str, int]:
    host, port = None, None
    with suppress(ValueError):
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    if not host or "@" in text:
        raise _mistake("cannot be read as a URL: hosts or ports that cannot be used", f"{_SENTINEL_EXAMPLE} {_ENCODED}")
    return host, port or _SENTINEL_PORT


def _said(parts: SplitResult) -> dict[str, str]:
    """What stands in the query."""
    if parts.fragment:
        raise _mistake("has a # in it", f"{_EXAMPLE} {_ENCODED}")
    said = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    if fixed := sorted(said.keys() & _SET_HERE):
        raise _mistake(f"has parameters that are set here: {', '.join(fixed)}", "Remove them.")
    return said


def _why_unreadable(url: str) -> str:
    if "," in url.rpartition("@")[2]:
        return _SEVERAL
    return f"cannot be read as a URL; {_ENCODED[0].lower()}{_ENCODED[1:-1]}"


def _socket(parts: SplitResult) -> str:
    """The client takes what stands before the first single slash for a login or a host."""
    if parts.netloc.rpartition("@")[2] or not parts.path:
        raise _mistake("does not name a socket by its whole path")
    return unquote(parts.path)


def _database(text: str) -> int:
    """The client takes what is no number for 0."""
    if text and not (text.isascii() and text.isdecimal()):
        raise _mistake("names a database that is not a number")
    return int(text or 0)


def _mistake(what: str, remedy: str = _EXAMPLE) -> SettingsError:
    return SettingsError(f"REDIS_URL {what}.", remedy)
