"""As what a run was started: the version of its definition, and its parameters. Both are part of what it is."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_VERSION = "1"
_AT = "@"
SCHEDULED = "@scheduled"
APART = "@apart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`parameters` is canonical JSON, empty where there are none. `database` is the name of the one that the definition
    is for, '' where that is DATABASE_URL."""

    version: str = FIRST_VERSION
    parameters: str = ""
    database: str = ""

    def address(self, backfill: str, *, plain_pace: bool = True, scheduled: bool = False) -> str:
        """The name that the run is kept under and rung for by.

        One of the first version without parameters, on DATABASE_URL, has its backfill's name. Any other has a name that
        a worker of a release without any of that does not serve: it would not know what to do, and leaves it alone. So
        has a run whose pace such a worker cannot keep. One that has a schedule ends with another mark, for workers of a
        release that knows of versions and not of schedules; and with yet another one that goes by the autopilot on
        another database than DATABASE_URL, for those whose autopilot looks at that alone.
        """
        if self.database and not plain_pace:
            return f"{backfill}{_AT}{self.version}{APART}"
        if scheduled:
            return f"{backfill}{_AT}{self.version}{SCHEDULED}"
        plain = self.version == FIRST_VERSION and not self.parameters and not self.database and plain_pace
        return backfill if plain else f"{backfill}{_AT}{self.version}"


def backfill_at(address: str) -> str:
    return address.partition(_AT)[0]


def version_at(address: str) -> str:
    return address.partition(_AT)[2].removesuffix(SCHEDULED).removesuffix(APART) or FIRST_VERSION


def is_plain(address: str) -> bool:
    """Whether workers of every release may take it."""
    return _AT not in address
