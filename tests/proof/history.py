"""A passive history of what happened to numbers, places and active generations; see sql/history/."""

from __future__ import annotations


async def install_history(database_url: str) -> None:
    """After the migration and before the first worker; while the application writes is fine."""
