"""Many things of one kind, told once: quarantined units by their error, and the events in which they were."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from backfill.engine.protocols import Event
from backfill.runs.ranges import Quarantined
from backfill.runs.telling import sentence_of
from backfill.runs.times import timestamp
from backfill.runs.wording import counted, ended

UNITS_SHOWN = 20
GROUPS_SHOWN = 20
ERRORS_TOLD = 3
QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Units that the same error keeps from being settled; `units` are the first `UNITS_SHOWN` of them."""

    error: str
    reason: str
    count: int
    units: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    at: str
    sentence: str


def gathered(quarantined: Sequence[Quarantined]) -> list[Group]:
    """By error, the most frequent first."""
    groups: dict[tuple[str, str], list[str]] = {}
    for unit in quarantined:
        reason = ", ".join(part for part in (unit.sqlstate, unit.constraint) if part)
        groups.setdefault((unit.error, reason), []).append(unit.unit_id)
    found = [
        Group(error=error, reason=reason, count=len(units), units=units[:UNITS_SHOWN])
        for (error, reason), units in groups.items()
    ]
    return sorted(found, key=lambda group: -group.count)


def told_together(events: Sequence[Event]) -> list[EventView]:
    """Newest first; quarantined units that follow each other are one event, with the time of the last of them."""
    told: list[EventView] = []
    for kind, some in groupby(reversed(events), key=lambda event: event.kind):
        alike = list(some)
        if kind == QUARANTINED:
            told.append(EventView(at=timestamp(alike[0].at_ms), sentence=_quarantine(alike)))
        else:
            told += [EventView(at=timestamp(one.at_ms), sentence=sentence_of(kind, one.about)) for one in alike]
    return told


def _quarantine(events: Iterable[Event]) -> str:
    errors = Counter(str(json.loads(event.about["about"])["error"]) for event in events)
    parts = [f"{error} ({count:,} times)" if count > 1 else error for error, count in errors.most_common(ERRORS_TOLD)]
    if len(errors) > ERRORS_TOLD:
        parts.append(f"and {counted(len(errors) - ERRORS_TOLD, 'other error')}")
    units = errors.total()
    what = f"{counted(units, 'unit')} {'was' if units == 1 else 'were'} quarantined"
    return f"{what}: {ended('; '.join(parts if len(parts) > 1 else errors))}"
