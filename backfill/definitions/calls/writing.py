"""Writes what a function gave, by compare-and-set: only to rows that still are what they were read as.

    lock (SKIP LOCKED) -> compare, in the next statement -> write, one transaction

Locked in one statement and compared in the next, which sees what was committed while the first one waited for nothing.
A row that was changed in between is contended: it is read and computed again, as is one that somebody holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from sqlalchemy import Select, Text, Update, and_, bindparam, cast, column, func, literal_column, select, table, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.definitions.calls.reading import Seen, rows_named
from backfill.definitions.calls.spec import Spec
from backfill.definitions.walk.keys import as_text, comparable, parts_of, unit_id
from backfill.engine.attempts import Outcome, settle_units
from backfill.engine.guard import failure_of
from backfill.engine.protocols import Settled
from backfill.runs.failures import BatchFailed, Failure
from backfill.sql.built import run_built
from backfill.sql.tables import PUBLIC
from backfill.sql.transactions import Limits, transaction

WRITING = "writing what the function gave"


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """What is to be written to a row, one value for each of the columns, and what the row was read as. `given`: what
    the function gave, as it was."""

    seen: Seen
    values: tuple[Any, ...]
    given: Any = None


@dataclass(slots=True)
class Writing:
    """Of some computed values, which are kept while the database refuses one of them: nothing is computed again."""

    engine: AsyncEngine
    limits: Limits
    spec: Spec
    news: Mapping[str, New]
    _locked_ms: float = field(default=0.0, init=False)

    async def write(self) -> Settled:
        """In one transaction, in several where the database refuses something of it. Raises BatchFailed for what is
        not a row's fault."""
        outcome = Outcome()
        await settle_units(self, list(self.news), outcome)
        slow = BatchFailed(Failure.TIMEOUT, f"{WRITING} took too long", sqlstate=None)
        return Settled(
            written=outcome.written,
            contended=frozenset(outcome.contended),
            refused=outcome.failed | dict.fromkeys(outcome.too_slow, slow),
            locked_ms=self._locked_ms,
        )

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        """These of them in one transaction."""
        began = perf_counter()
        try:
            async with transaction(self.engine, self.limits) as connection:
                return await write_rows(connection, self.spec, [self.news[unit_id] for unit_id in unit_ids])
        except BatchFailed:
            raise
        except Exception as error:  # noqa: BLE001 - a value of the wrong kind fails in the code of its column's type
            raise failure_of(WRITING, error, Failure.ROW) from None
        finally:
            self._locked_ms = max(self._locked_ms, (perf_counter() - began) * 1000)


async def write_rows(connection: AsyncConnection, spec: Spec, news: Sequence[New]) -> Settled:
    same, contended = await unchanged(connection, spec, news)
    refused = {}
    if same:
        values = [_parameters(spec, new) for new in news if new.seen.unit_id in same]
        await connection.execute(update_statement(spec), values)
        refused = await _not_ended(connection, spec, sorted(same))
    return Settled(written=len(same), contended=contended, refused=refused)


async def unchanged(
    connection: AsyncConnection, spec: Spec, news: Sequence[New]
) -> tuple[frozenset[str], frozenset[str]]:
    """Rows that still are what they were read as, locked from here to the end of the transaction; and those that are
    not, or that somebody holds. What is neither is gone or done."""
    read_as = {new.seen.unit_id: new.seen.mark for new in news}
    locked = {unit_id(parts) for parts in await run_built(connection, lock_statement(spec, list(read_as)))}
    found = await run_built(connection, compare_statement(spec, sorted(locked)))
    still_to_do = {unit_id(values[:-2]): values[-2] for values in map(tuple[Any, ...], found) if values[-1]}
    same = frozenset(name for name, mark in still_to_do.items() if mark == read_as[name])
    return same, frozenset(read_as.keys() - locked | still_to_do.keys() - same)


async def _not_ended(connection: AsyncConnection, spec: Spec, written: Sequence[str]) -> dict[str, BatchFailed]:
    """Rows that are still to do although they were written: by what was given, or as a trigger of the application kept
    it from being written. Run after run they would be done again."""
    if not spec.ends_todo:
        return {}
    left = await run_built(connection, left_statement(spec, written))
    why = BatchFailed(Failure.ROW, "it is still to do after what the function gave was written", sqlstate=None)
    return {unit_id(parts): why for parts in left}


def lock_statement(spec: Spec, unit_ids: Sequence[str]) -> Select[*tuple[Any, ...]]:
    return (
        select(*(as_text(column) for column in spec.walk.identity))
        .select_from(spec.table)
        .where(rows_named(spec, unit_ids))
        .with_for_update(key_share=True, skip_locked=True, of=spec.table)
    )


def compare_statement(spec: Spec, unit_ids: Sequence[str]) -> Select[*tuple[Any, ...]]:
    """What rows are by now, and whether they are still to do."""
    texts = [as_text(column).label(f"k{place}") for place, column in enumerate(spec.walk.identity)]
    to_do = func.coalesce(spec.to_do, literal_column("false")).label("to_do")
    return select(*texts, spec.mark.label("mark"), to_do).select_from(spec.table).where(rows_named(spec, unit_ids))


def left_statement(spec: Spec, unit_ids: Sequence[str]) -> Select[*tuple[Any, ...]]:
    texts = [as_text(column).label(f"k{place}") for place, column in enumerate(spec.walk.identity)]
    return select(*texts).select_from(spec.table).where(and_(rows_named(spec, unit_ids), spec.to_do))


def update_statement(spec: Spec) -> Update:
    """Of one row. The table by its names alone: what the application's model does at an update is not done here."""
    columns = {**{one.name: one for one in spec.walk.identity}, **{one.name: one for one in spec.writes.values()}}
    target = table(spec.table.name, *map(column, columns), schema=spec.table.schema or PUBLIC)
    identity = [
        target.columns[one.name] == cast(cast(bindparam(f"k{place}", type_=Text), Text), comparable(one.type))
        for place, one in enumerate(spec.walk.identity)
    ]
    values = {
        target.columns[one.name]: bindparam(f"v{place}", type_=one.type)
        for place, one in enumerate(spec.writes.values())
    }
    return update(target).where(and_(*identity)).values(values)


def _parameters(spec: Spec, new: New) -> dict[str, Any]:
    parts = parts_of([new.seen.unit_id], len(spec.walk.identity))
    return {f"k{place}": part for place, (part,) in enumerate(parts)} | {
        f"v{place}": value for place, value in enumerate(new.values)
    }
