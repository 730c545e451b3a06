"""What the transactions of the next release have reserved: numbers that each of them must get where it asks for them.

Whoever raises latest_version holds the project until its end, so the numbers up to there are nobody else's. So are
those that it passes over by inserting a higher one first.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, TypeAlias

import asyncpg

Event: TypeAlias = asyncpg.Record
NEXT_RELEASE = "next-release"


class Reservations:
    """By transaction and project; events are told in their order."""

    def __init__(self) -> None:
        self._unused: dict[tuple[int, str], dict[int, int]] = defaultdict(dict)
        self._raised_from: dict[tuple[int, str], int] = {}

    def raised(self, event: Event) -> None:
        """By the writer itself, or for what it inserts, which is told next and has the highest of these numbers."""
        if event["application"] != NEXT_RELEASE or event["latest_version"] <= event["latest_before"]:
            return
        key, by_itself = (event["xid"], event["project_id"]), event["depth"] == 1
        for number in range(event["latest_before"] + 1, event["latest_version"] + by_itself):
            self._unused[key][number] = event["seq"]
        if not by_itself:
            self._raised_from[key] = event["latest_before"]

    def is_denied(self, event: Event) -> bool:
        """Whether this insert asks for a number that must be its own, and has another one. Before `place_of`."""
        key, asked = (event["xid"], event["project_id"]), event["asked"]
        raised_from = self._raised_from.pop(key, None)
        if asked is None or asked == event["version"]:
            return False
        return asked in self._unused[key] or (raised_from is not None and asked > raised_from)

    def place_of(self, event: Event) -> tuple[Any, ...]:
        """A number sorts by when it was reserved. Empty: it was not; a second one of that number was not either."""
        key, version = (event["xid"], event["project_id"]), event["version"]
        seq = self._unused[key].pop(version, None)
        return () if seq is None else (seq, version)
