"""Moments in words: epoch milliseconds as the JSON of a run has them, and as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


@overload
def timestamp(ms: int) -> str: ...


@overload
def timestamp(ms: None) -> None: ...


@overload
def timestamp(ms: int | None) -> str | None: ...


def timestamp(ms: int | None) -> str | None:
    """RFC 3339 in UTC with milliseconds, or None."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock_time(ms: int) -> str:
    """`2026-03-14 09:26:53 UTC`."""
    return timestamp(ms).replace("T", " ")[:19] + " UTC"
