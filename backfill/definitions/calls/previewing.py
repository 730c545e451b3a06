"""What a preview shows of a definition of calls: how much there is, and some batches that are rolled back.

The function is called for the rows that are tried out, where it gives values. One that is called for what it does is
not: nothing of that could be rolled back.
"""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from sqlalchemy import Executable, and_, func, literal_column
from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.definitions.calls import checking
from backfill.definitions.calls.needs import needs_of
from backfill.definitions.calls.reading import read_statement, rows_named
from backfill.definitions.calls.writing import compare_statement, lock_statement, write_rows
from backfill.definitions.rehearsing import try_batch
from backfill.definitions.walk.checking import check_statement, glance_statement
from backfill.definitions.walk.pages import page_statement
from backfill.definitions.walk.planning import split_statement
from backfill.definitions.walk.surveying import survey_rows
from backfill.engine.protocols import Settled
from backfill.runs.preview import StatementPlan, Survey
from backfill.runs.rehearsed import Rehearsed
from backfill.sql.built import run_built
from backfill.sql.plans import BuiltStatement, Statement, explain_statements
from backfill.sql.rehearsal import Rehearsal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backfill.definitions.calls.bound import Calls
    from backfill.definitions.calls.spec import Spec
    from backfill.runs.ranges import Unit

RANGES_EXPLAINED = 16
NOTHING_TRIED = Rehearsed(written=0, ms=0.0, commit_ms=0.0, trip_ms=0.0, updates=0, hot_updates=0)


async def survey(connection: AsyncConnection, spec: Spec) -> Survey:
    written = [column.name for column in spec.writes.values()]
    to_do = func.coalesce(spec.to_do, literal_column("false"))
    return await survey_rows(connection, spec.walk, to_do, needs_of(spec), written=written)


async def explain(
    connection: AsyncConnection, spec: Spec, units: Sequence[Unit], *, writes: bool
) -> tuple[StatementPlan, ...]:
    """In the order in which a run comes to them, with these units as a batch."""
    walk, ids = spec.walk, [unit.id for unit in units]
    bounds = (units[0].key, units[-1].key)
    page = page_statement(walk, walk.between(*bounds), spec.to_do, units=len(ids))
    glance = glance_statement(walk, bounds, checking.breaches(spec), units=len(ids))
    check = check_statement(walk, bounds, checking.breaches(spec), units=len(ids))
    batch = "a batch"
    built = [
        _built("split", "planning", split_statement(walk, RANGES_EXPLAINED, 100.0)),
        _built("read_page", "reading ahead", page, in_order=True),
        _built("read_rows", batch, read_statement(spec, and_(rows_named(spec, ids), spec.to_do))),
        _built("lock", batch, lock_statement(spec, ids), writes=True),
        _built("compare", batch, compare_statement(spec, ids)),
        _built("check_page", "verification", glance, in_order=True),
        _built("check_broken", "verification", check, in_order=True),
    ]
    return await explain_statements(connection, built, (walk.name,), writes=writes)


def _built(
    name: str, part_of: str, built: Executable, *, writes: bool = False, in_order: bool = False
) -> BuiltStatement:
    return BuiltStatement(
        statement=Statement(name=name, part_of=part_of, writes=writes, in_order=in_order), built=built
    )


async def rehearse(calls: Calls, unit_ids: Sequence[str]) -> Rehearsed:
    """The time of the calls is a part of it."""
    spec = calls.spec
    if not spec.writes:
        return NOTHING_TRIED
    there = Rehearsal(engine=calls.engine, limits=calls.limits, tables=(spec.walk.name,), rows_of=spec.walk.name)
    began = perf_counter()
    called = await calls.called(unit_ids)
    called_ms = (perf_counter() - began) * 1000
    news = list(called.news.values())

    async def write(connection: AsyncConnection) -> Settled:
        return await write_rows(connection, spec, news)

    async def lock(connection: AsyncConnection) -> None:
        await run_built(connection, lock_statement(spec, unit_ids[:1]))

    try:
        one = (await try_batch(there, write, lock)).rehearsed
    finally:
        await calls.dismiss(called)
    return replace(one, ms=called_ms + one.ms, refused={**called.refused, **one.refused}, left=called.left)
