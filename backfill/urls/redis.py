"""Reads a REDIS_URL: what the client would take for something else than what was meant is refused.

The client itself reads the URL again when it connects; here it is only looked at, and no part of it that could be a
password is repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from backfill.runs.errors import SettingsError

_SCHEMES = ("redis", "rediss", "unix")
_EXAMPLE = (
    "Expected something like redis://:password@host:6379/0, rediss://host:6379/0?ssl_ca_certs=/path/to/ca.pem, "
    "or unix:///path/to/redis.sock?db=0."
)
_ENCODED = "A password must have its special characters percent-encoded."
# The answers of Redis are read in two ways here, and neither is the URL's to choose.
_SET_HERE = {"decode_responses", "encoding", "encoding_errors"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisUrl:
    """`socket` instead of host and port."""

    host: str = ""
    port: int = 6379
    socket: str = ""
    database: int = 0

    def __str__(self) -> str:
        """In words that may be shown."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.socket or f'{host}:{self.port}'} (database {self.database})"


def read_redis_url(url: str) -> RedisUrl:
    """Raises SettingsError, without the URL."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise _mistake(_why_unreadable(url)) from None
    if parts.scheme not in _SCHEMES:
        if not parts.scheme or not parts.netloc:
            raise _mistake("is not a URL")
        raise _mistake(f"begins with {parts.scheme}://, not with redis://, rediss:// or unix://")
    if parts.fragment:
        raise _mistake("has a # in it", f"{_EXAMPLE} {_ENCODED}")
    said = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    if fixed := sorted(said.keys() & _SET_HERE):
        raise _mistake(f"has parameters that are set here: {', '.join(fixed)}", "Remove them.")
    if parts.scheme == "unix":
        return RedisUrl(socket=_socket(parts), database=_database(said.get("db", "")))
    if "," in parts.netloc.rpartition("@")[2]:
        raise _mistake("names several hosts; of Sentinel and Cluster nothing is known here")
    database = _database(said.get("db") or unquote(parts.path).replace("/", ""))
    return RedisUrl(host=parts.hostname or "localhost", port=port or 6379, database=database)


def _why_unreadable(url: str) -> str:
    if "," in url.rpartition("@")[2]:
        return "names several hosts; of Sentinel and Cluster nothing is known here"
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
