"""The units of a range that are put aside, never forgotten and tried again: with jittered backoff those that live
traffic held locked, at once but in parts those that took too long.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Set
from dataclasses import replace

from backfill.engine.protocols import Claim
from backfill.runs.ranges import Part, PutAside

BACKOFF_FIRST_MS = 100
BACKOFF_LONGEST_MS = 10_000


class Aside:
    """The worker's copy of what the store remembers; every change goes there with the next checkpoint."""

    def __init__(self, claim: Claim, jitter: random.Random) -> None:
        self._range_index = claim.range_index
        self._random = jitter
        self._units = {unit.unit_id: unit for unit in claim.put_aside}

    @property
    def begun(self) -> bool:
        return any(unit.begun for unit in self._units.values())

    @property
    def first_due_ms(self) -> int | None:
        return min((unit.due_ms for unit in self._units.values()), default=None)

    def due(self, now_ms: int, *, only_begun: bool, most: int) -> tuple[str, ...]:
        """Units whose time has come, those that wait longest first; by itself one that is begun or is for parts."""
        due = [u for u in self._units.values() if u.due_ms <= now_ms and (u.begun or not only_begun)]
        due.sort(key=lambda unit: unit.due_ms)
        if due and (due[0].begun or due[0].in_parts):
            return (due[0].unit_id,)
        return tuple(unit.unit_id for unit in due if not (unit.begun or unit.in_parts))[:most]

    def has(self, unit_id: str) -> bool:
        return unit_id in self._units

    def is_begun(self, unit_id: str) -> bool:
        return unit_id in self._units and self._units[unit_id].begun

    def counted(self, unit_id: str) -> bool:
        return unit_id in self._units and self._units[unit_id].counted

    def is_for_parts(self, unit_id: str) -> bool:
        return unit_id in self._units and self._units[unit_id].in_parts

    def rows_counted(self, unit_id: str) -> int:
        return self._units[unit_id].rows_counted if unit_id in self._units else 0

    def put_off(self, unit_ids: Collection[str], now_ms: int, *, begun: Part | None) -> tuple[PutAside, ...]:
        """Each for longer than the time before, up to a ceiling. `begun` is the one of which part is written: with more
        of it written than the time before, it is put off as for the first time, or a large unit that is always busy
        would be settled a part at a time with the longest backoff between them."""
        put_off = tuple(self._once_more(unit_id, now_ms, begun) for unit_id in sorted(unit_ids))
        self._units |= {unit.unit_id: unit for unit in put_off}
        return put_off

    def keep_for_parts(self, unit_ids: Collection[str], now_ms: int, *, begun: Part | None) -> tuple[PutAside, ...]:
        """Units that took too long: due at once, and settled in parts from now on."""
        put_off = self.put_off(unit_ids, now_ms, begun=begun)
        kept = tuple(replace(unit, due_ms=now_ms, in_parts=True) for unit in put_off)
        self._units |= {unit.unit_id: unit for unit in kept}
        return kept

    def take_back(self, unit_ids: Set[str]) -> frozenset[str]:
        """Those of them that were aside and are not any more."""
        taken = frozenset(unit_ids & self._units.keys())
        self._units = {unit_id: unit for unit_id, unit in self._units.items() if unit_id not in taken}
        return taken

    def _once_more(self, unit_id: str, now_ms: int, begun: Part | None) -> PutAside:
        before = self._units.get(unit_id)
        part = begun if begun is not None and begun.unit_id == unit_id else None
        got_on = part is not None and part.rows_counted > self.rows_counted(unit_id)
        tries = before.tries + 1 if before and not got_on else 1
        ceiling = min(BACKOFF_FIRST_MS * 2 ** min(tries, 16), BACKOFF_LONGEST_MS)
        return PutAside(
            unit_id=unit_id,
            range_index=self._range_index,
            since_ms=before.since_ms if before else now_ms,
            tries=tries,
            due_ms=now_ms + round(self._random.uniform(0.5, 1.0) * ceiling),
            counted=before.counted if before else False,
            begun=part is not None or (before.begun if before else False),
            rows_counted=part.rows_counted if part else self.rows_counted(unit_id),
            in_parts=self.is_for_parts(unit_id),
        )
