"""Which edition of the program this is, by what was installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "online-backfill"


def own_version() -> str:
    return version_of(DISTRIBUTION)


def version_of(distribution: str) -> str:
    """`unknown` for what runs without being installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"
