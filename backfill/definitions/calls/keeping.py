"""Who keeps right what a function gave. A trigger cannot call it, but it can make rows to do again.

That trigger empties the written columns when what was read changes. What was computed from something older is gone at
once; the new value comes with the next run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, null

from backfill.definitions.calls.spec import Spec
from backfill.definitions.keepers import BY_TRIGGER, Kept, Made
from backfill.definitions.keepers.keeper import kept_by_own
from backfill.definitions.keepers.writing import (
    OWN_RIGHTS,
    Trigger,
    assignments,
    function,
    identifier,
    named,
    quoted,
    trial,
)
from backfill.definitions.mistakes import AuthorsMistake


def kept(spec: Spec) -> Kept:
    """What has to be there for it. Raises AuthorsMistake."""
    if isinstance(spec.kept_by, tuple):
        return kept_by_own(spec.kept_by, f"{spec.spoken}.kept_by")
    if spec.kept_by != BY_TRIGGER:
        return Kept()
    trigger = made(spec)
    remedy = f"Run the revision that executes sync_trigger({spec.spoken}).create."
    return Kept(
        needs=tuple(one.need(remedy) for one in trigger.triggers),
        functions=tuple(one.name for one in trigger.functions),
    )


def made(spec: Spec) -> Made:
    """Raises AuthorsMistake where no trigger could make a row to do again."""
    watched = [column for column in spec.reads.values() if column not in spec.walk.identity]
    _require_possible(spec, watched)
    search_path, security = OWN_RIGHTS
    written = list(spec.writes.values())
    fields = {
        "security": security,
        "read_before": _fields("OLD", watched),
        "read_after": _fields("NEW", watched),
        "written_before": _fields("OLD", written),
        "written_after": _fields("NEW", written),
        "assignments": assignments([(column, null()) for column in written], spec.where),
    }
    name = identifier(spec.name.replace("-", "_"), "to_do")
    own = function(spec.name, spec.table, name, "to_do_function", **fields)
    event = f"BEFORE UPDATE OF {', '.join(quoted(one.name) for one in watched)} ON {named(spec.table)} FOR EACH ROW"
    tried = [*watched, *([] if spec.where is None else [spec.where])]
    return Made(
        trial=trial(spec.table, tried, search_path),
        functions=(own,),
        triggers=(Trigger(name=name, table=spec.table, event=event, function=own),),
    )


def _require_possible(spec: Spec, watched: list[Column[Any]]) -> None:
    where = f"{spec.spoken}.kept_by"
    if not watched or not spec.writes or spec.todo is None:
        raise AuthorsMistake(where, "a trigger makes rows to do again where there are reads, writes and a todo")
    for name, column in spec.writes.items():
        if not column.nullable:
            raise AuthorsMistake(where, f"{name} cannot be NULL, so that a trigger cannot make a row to do again")


def _fields(row: str, columns: Iterable[Column[Any]]) -> str:
    return ", ".join(f"{row}.{quoted(column.name)}" for column in columns)
