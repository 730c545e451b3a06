"""`backfill --version`: what runs here, for a report of a fault."""

from __future__ import annotations

import platform

from backfill.release import own_version, version_of

LIBRARIES = ("SQLAlchemy", "asyncpg", "alembic", "arq", "redis")


def versions() -> str:
    """Two lines: the program, and what it runs on."""
    libraries = ", ".join(f"{name} {version_of(name)}" for name in LIBRARIES)
    return f"backfill {own_version()}\nPython {platform.python_version()}, {libraries}"
