"""Reads a DATABASE_URL as libpq does: several hosts, socket folders, and a query that goes before the rest.

What an error says never repeats a part of the URL that could be a password:
a mistake in one part shows as a mistake in another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from backfill.runs.errors import SettingsError
from backfill.runs.wording import counted

_SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")
_PORT = 5432
_EXAMPLE = "Expected something like postgresql://user:password@host:5432/database."
_ENCODED = "A password must have its special characters percent-encoded."
# The login ends at the first @ that comes before a slash, the hosts at a slash or at the question mark.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<login>[^/@]*)@)?(?P<hosts>[^/?]*)"
    r"(?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_HOST = re.compile(r"(?:\[(?P<address>[^\]]+)\]|(?P<name>[^:\[\]@]*))(?::(?P<port>[0-9]*))?")
_WITH_PORT = re.compile(r"(?P<name>[^:]+):(?P<port>[0-9]+)")

_SSL_MODES = ("allow", "disable", "prefer", "require", "verify-ca", "verify-full")
_SESSION_ATTRIBUTES = ("any", "prefer-standby", "primary", "read-only", "read-write", "standby")
TLS_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_TLS = (*TLS_FILES, "sslpassword", "sslnegotiation", "ssl_min_protocol_version", "ssl_max_protocol_version")
# What is set here anyway, and what makes no difference as long as it has one of these values.
_SET_HERE = {
    "application_name",
    "fallback_application_name",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
}
_WITHOUT_EFFECT = {
    "channel_binding": {"disable", "prefer"},
    "client_encoding": {"auto", "utf8", "utf-8", "unicode"},
    "gssencmode": {"disable", "prefer"},
    "load_balance_hosts": {"disable"},
    "sslcompression": {"0"},
    "sslsni": {"1"},
}
_INSTEAD = {
    "service": "no service file is read; write what it says into the URL",
    "servicefile": "no service file is read; write what it says into the URL",
    "hostaddr": "give the address as the host",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A name, an address or the folder of a socket; without one, or without a port: what the driver takes for it."""

    name: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        name = self.name or "the default host"
        return f"{f'[{name}]' if ':' in name else name}{f':{self.port}' if self.port else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrl:
    """`hosts` are tried in their order. None stands for what the driver takes from its environment, as libpq does.

    `options` is passed on to the server, as with `psql`. `connect_timeout_seconds` holds for each host; 0: no limit.
    """

    hosts: tuple[Host, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: str | None = None
    passfile: str | None = None
    sslmode: str | None = None
    tls: Mapping[str, str] = field(default_factory=dict, repr=False)
    session_attributes: str = "any"
    options: str | None = field(default=None, repr=False)
    connect_timeout_seconds: float | None = None
    krbsrvname: str | None = None

    def __str__(self) -> str:
        """In words that may be shown: hosts, ports and database."""
        where = ", ".join(str(host) for host in self.hosts)
        return f"PostgreSQL at {where}" + (f" (database {self.database})" if self.database else "")


def describe(url: str) -> str:
    """Where a URL leads, in words that may be shown."""
    return str(read_database_url(url))


def place_of(url: str) -> str:
    """Hosts and ports alone, as one word."""
    hosts = read_database_url(url).hosts
    return ",".join(f"{host.name or 'default'}:{host.port or _PORT}" for host in hosts)


def read_database_url(url: str) -> DatabaseUrl:
    """Raises SettingsError, without the URL, when it is none or asks for what cannot be done here."""
    matched = _URL.fullmatch(url.strip())
    if matched is None:
        raise _mistake("is not a URL", _EXAMPLE)
    scheme = matched["scheme"].lower()
    if scheme not in _SCHEMES:
        raise _mistake(f"begins with {scheme}://, not with postgresql://", _EXAMPLE)
    if matched["login"] is None and "@" in (matched["database"] or ""):
        raise _mistake("cannot be read as a URL", f"{_EXAMPLE} {_ENCODED}")  # a slash in a password, most likely
    user, _, password = (matched["login"] or "").partition(":")
    said = _query(matched["query"] or "")
    user_said, password_said = said.pop("user", ""), said.pop("password", "")
    database = said.pop("dbname", "") or said.pop("database", "") or unquote(matched["database"] or "")
    said.pop("database", None)
    hosts = _hosts(said.pop("host", ""), said.pop("port", ""), _listed(matched["hosts"]))
    return DatabaseUrl(
        hosts=hosts,
        user=user_said or unquote(user) or None,
        password=password_said or unquote(password) or None,
        database=database or None,
        **_rest(said),
    )


def in_database(url: str, name: str) -> str:
    """The same server and login, but another of its databases."""
    matched = _URL.fullmatch(url.strip())
    if matched is None:
        raise _mistake("is not a URL", _EXAMPLE)
    login = f"{matched['login']}@" if matched["login"] is not None else ""
    said = (matched["query"] or "").split("&")
    kept = [one for one in said if one.partition("=")[0] not in {"", "dbname", "database"}]
    query = f"?{'&'.join(kept)}" if kept else ""
    return f"{matched['scheme']}://{login}{matched['hosts']}/{quote(name)}{query}"


def _query(text: str) -> dict[str, str]:
    """The last one of a name counts, but for hosts: several of them are a list, as SQLAlchemy writes it."""
    said: dict[str, str] = {}
    for one in text.split("&") if text else ():
        name, equals, value = (unquote(part) for part in one.partition("="))
        if not equals:
            raise _mistake("has a parameter without a value", f"{_EXAMPLE} {_ENCODED}")
        said[name] = f"{said[name]},{value}" if name == "host" and name in said else value
    return said


def _listed(text: str) -> tuple[Host, ...]:
    """Hosts as they stand before the database, `[::1]:5432,host`."""
    hosts = []
    for one in text.split(","):
        matched = _HOST.fullmatch(one)
        if matched is None:
            raise _mistake("cannot be read as a URL: hosts or ports that cannot be used", f"{_EXAMPLE} {_ENCODED}")
        name = unquote(matched["address"] or matched["name"] or "")
        hosts.append(Host(name=name or None, port=_port(matched["port"] or "")))
    return tuple(hosts)


def _hosts(hosts_said: str, ports_said: str, listed: tuple[Host, ...]) -> tuple[Host, ...]:
    """What the query says goes before; one port is for all hosts."""
    hosts = list(listed)
    if hosts_said:
        hosts = []
        for one in hosts_said.split(","):
            matched = _WITH_PORT.fullmatch(one)
            port = _port(matched["port"]) if matched else listed[0].port if len(listed) == 1 else None
            hosts.append(Host(name=(matched["name"] if matched else one) or None, port=port))
    if ports_said:
        ports = [_port(one) for one in ports_said.split(",")]
        if len(ports) not in {1, len(hosts)}:
            raise _mistake(
                f"names {counted(len(hosts), 'host')} and {counted(len(ports), 'port')}",
                "Give one port, or one for each host.",
            )
        ports = ports * len(hosts) if len(ports) == 1 else ports
        hosts = [Host(name=host.name, port=port) for host, port in zip(hosts, ports, strict=True)]
    if len(hosts) > 1 and not all(host.name for host in hosts):
        raise _mistake("has an empty name among its hosts", _EXAMPLE)
    return tuple(hosts)


def _port(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) < 65536:
        # What stands there may be a part of a password.
        raise _mistake("cannot be read as a URL: hosts or ports that cannot be used", f"{_EXAMPLE} {_ENCODED}")
    return int(text)


def _rest(said: dict[str, str]) -> dict[str, Any]:
    sslmode = said.pop("ssl", None) or None
    sslmode = said.pop("sslmode", None) or ("require" if sslmode == "true" else sslmode)
    attributes = said.pop("target_session_attrs", "any")
    timeout = said.pop("connect_timeout", None)
    rest = {
        "sslmode": _one_of("sslmode", sslmode, _SSL_MODES) if sslmode else None,
        "session_attributes": _one_of("target_session_attrs", attributes, _SESSION_ATTRIBUTES),
        "connect_timeout_seconds": _seconds(timeout) if timeout else None,
        "tls": {name: said.pop(name) for name in _TLS if name in said},
        "options": said.pop("options", None) or None,
        "passfile": said.pop("passfile", None) or None,
        "krbsrvname": said.pop("krbsrvname", None) or None,
    }
    for name in sorted(said.keys() & _INSTEAD.keys()):
        raise _mistake(f"has the parameter {name}, which cannot be used: {_INSTEAD[name]}")
    unknown = [
        name for name, value in said.items() if name not in _SET_HERE and value not in _WITHOUT_EFFECT.get(name, ())
    ]
    if unknown:
        raise _mistake(f"has parameters that are not understood: {', '.join(sorted(unknown))}", "Remove them.")
    return rest


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise SettingsError(f"DATABASE_URL: {name} is none of {', '.join(allowed)}.")
    return value


def _seconds(text: str) -> float:
    """libpq takes zero and less for no limit."""
    try:
        return float(max(int(text), 0))
    except ValueError:
        raise SettingsError("DATABASE_URL: connect_timeout is not a number of seconds.") from None


def _mistake(what: str, remedy: str = "") -> SettingsError:
    return SettingsError(f"DATABASE_URL {what}.", remedy)
