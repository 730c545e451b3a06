"""Which databases are on one server: their runs share what that server can take, and one monitor looks at it for all.

A server is known by what it says of itself, not by its name in a URL, of which it may have several. What it is called
here is in keys of Redis: the identifier of its cluster, or, where that cannot be read, host and port.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

# What the database without a name is called beside those that DATABASES names: no name there has a capital.
DATABASE_URL = "DATABASE_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a server says of itself. A copy of a cluster has its `system`, too; when it was started, to the microsecond,
    tells the two apart. `place` is host and port, as the URL has them."""

    place: str
    system: str | None = None
    started_us: int | None = None


def shown(database: str) -> str:
    return database or DATABASE_URL


def all_shown(databases: Sequence[str]) -> str:
    """Those of one server."""
    return ", ".join(map(shown, databases))


def on_one_server(found: Mapping[str, Identity]) -> list[list[str]]:
    """Names of databases, by server; '' is DATABASE_URL, and first."""
    together: defaultdict[str | int, list[str]] = defaultdict(list)
    for database in sorted(found):
        together[found[database].started_us or found[database].place].append(database)
    return list(together.values())


def has_copies(found: Mapping[str, Identity]) -> bool:
    """Whether several servers have one identifier. A server that is restarted between two looks is taken for two."""
    systems = Counter(_system([found[database] for database in server]) for server in on_one_server(found))
    return any(count > 1 for system, count in systems.items() if system)


def servers_of(found: Mapping[str, Identity], known: Mapping[str, str], everything: Collection[str]) -> dict[str, str]:
    """What the server of each database that has answered is called. Copies are told apart only where all databases have
    answered; else what was known of each stays, as long as its cluster is the same."""
    called: dict[str, str] = {}
    for server in on_one_server(found):
        system = _system([found[database] for database in server])
        name = system or found[server[0]].place
        if name in called.values():
            name = f"{name}-{found[server[0]].place}"
        before = {known[one] for one in server if one in known and known[one].partition("-")[0] == system}
        if len(before) == 1 and len(found) < len(everything):
            (name,) = before
        called |= dict.fromkeys(server, name)
    return called


def _system(server: Sequence[Identity]) -> str:
    """A role may be allowed to read it in one database and not in another."""
    return min((one.system for one in server if one.system), default="")
