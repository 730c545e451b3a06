"""Ranges as the store keeps them, for tests of what a report says of them."""

from __future__ import annotations

from backfill.runs.coverage import RangeRecord
from backfill.runs.ranges import RangeState, Span


def record_of(start: str | None, end: str) -> RangeRecord:
    """Of keys of one part."""
    return RangeRecord(span=Span(start=None if start is None else (start,), end=(end,)), stage=RangeState.VERIFIED)
