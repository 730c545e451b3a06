"""The kinds of keepers that a declaration can name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backfill.definitions.mistakes import AuthorsMistake
from backfill.definitions.tables import table_of
from backfill.sql.needs import TriggerNeed
from backfill.sql.tables import PUBLIC

BY_TRIGGER = "trigger"
BY_APPLICATION = "application"
FROZEN = "frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncTrigger:
    """A trigger of the author's own, for `kept_by`: a run refuses to start where it is missing or disabled.

    It must lock the unit's row before it computes from other rows. `table` is the mapped class or Table that it is on;
    `function` what it calls, of the table's schema, where that is to be looked at as well.
    """

    name: str
    table: Any
    function: str | None = None


Keeper = str | SyncTrigger | tuple[SyncTrigger, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What has to be there for it: triggers, their functions; `reads_tables` where these read more than the new row."""

    needs: tuple[TriggerNeed, ...] = ()
    functions: tuple[str, ...] = ()
    reads_tables: bool = False


def keeper_of(given: object, where: str) -> Keeper:
    """Raises AuthorsMistake."""
    if given in (BY_TRIGGER, BY_APPLICATION, FROZEN):
        return str(given)
    several = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if not several or not all(isinstance(one, SyncTrigger) for one in several):
        what = f'{given!r} is no keeper: "trigger", "application", "frozen" or a SyncTrigger(name=..., table=...)'
        raise AuthorsMistake(where, what)
    for one in several:
        table_of(one.table, where)
    return several


def kept_by_own(triggers: tuple[SyncTrigger, ...], where: str) -> Kept:
    needs = []
    for trigger in triggers:
        table = table_of(trigger.table, where)
        remedy = f"Create it, or enable it: ALTER TABLE {table} ENABLE TRIGGER {trigger.name}."
        needs.append(
            TriggerNeed(
                name=trigger.name,
                table=table.name,
                schema=table.schema or PUBLIC,
                function=trigger.function,
                remedy=remedy,
            )
        )
    return Kept(needs=tuple(needs), functions=tuple(trigger.function for trigger in triggers if trigger.function))
