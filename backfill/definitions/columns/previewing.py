"""What a preview asks of a declaration: how much there is, the plan of every statement, a batch that is rolled back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.columns import statements
from backfill.definitions.columns.declaration import Declaration
from backfill.definitions.columns.needs import DIFFERS, needs_of, tables_of
from backfill.definitions.columns.settling import Run, write_at_once, write_locked
from backfill.definitions.rehearsing import Tried, try_batch, weighed
from backfill.definitions.walk import CHECKED_ROWS, Breach
from backfill.definitions.walk.checking import TOLD_ROWS, check_statement, glance_statement, rest_statement
from backfill.definitions.walk.pages import page_statement
from backfill.definitions.walk.planning import split_statement
from backfill.definitions.walk.surveying import survey_rows
from backfill.engine.protocols import Settled
from backfill.runs.preview import StatementPlan, Survey
from backfill.runs.ranges import Unit
from backfill.runs.rehearsed import Rehearsed
from backfill.sql.built import explain_built, run_built
from backfill.sql.plans import BuiltStatement, Statement, explain_statements
from backfill.sql.rehearsal import Rehearsal, Weight
from backfill.sql.transactions import Limits, rolled_back

RANGES_EXPLAINED = 16


async def survey(connection: AsyncConnection, declaration: Declaration, todo: ColumnElement[bool]) -> Survey:
    return await survey_rows(connection, declaration.walk, todo, needs_of(declaration), written=declaration.written)


async def explain(
    connection: AsyncConnection, declaration: Declaration, units: Sequence[Unit], *, writes: bool
) -> tuple[StatementPlan, ...]:
    return await explain_statements(connection, _statements(declaration, units), tables_of(declaration), writes=writes)


def _statements(declaration: Declaration, units: Sequence[Unit]) -> tuple[BuiltStatement, ...]:
    """In the order in which a run comes to them, with these units as a batch."""
    walk, ids = declaration.walk, [unit.id for unit in units]
    bounds = (units[0].key, units[-1].key)
    within = walk.between(*bounds)
    todo = declaration.needs_work
    breaches = [Breach(rule=DIFFERS, broken=declaration.broken)]

    def one(
        name: str, part_of: str, built: Executable, *, writes: bool = False, in_order: bool = False
    ) -> BuiltStatement:
        return BuiltStatement(
            statement=Statement(name=name, part_of=part_of, writes=writes, in_order=in_order), built=built
        )

    page = page_statement(walk, within, todo, units=len(ids))
    glance = glance_statement(walk, bounds, breaches, units=CHECKED_ROWS)
    check = check_statement(walk, bounds, breaches, units=TOLD_ROWS)
    whole = (
        one("stretch_end", "a batch", statements.stretch_end(walk, bounds, len(ids)), in_order=True),
        one("write_stretch", "a batch", statements.write(declaration, within), writes=True, in_order=True),
    )
    locked = () if declaration.is_row_local else (one("lock", "a batch", statements.lock(walk, within), writes=True),)
    return (
        one("split", "planning", split_statement(walk, RANGES_EXPLAINED, 100.0)),
        *(whole if declaration.is_row_local else (whole[0], *locked)),
        one("read_page", "reading ahead", page, in_order=True),
        one("write", "a batch by name", statements.write(declaration, walk.among(ids)), writes=True),
        one("check_rest", "verification", rest_statement(walk, bounds, breaches, units=CHECKED_ROWS)),
        one("check_page", "verification", glance, in_order=True),
        one("check_broken", "verification", check, in_order=True),
    )


def rehearsal(declaration: Declaration, engine: AsyncEngine, limits: Limits) -> Rehearsal:
    tables = tables_of(declaration)
    return Rehearsal(engine=engine, limits=limits, tables=tables, rows_of=tables[0])


async def rehearse(declaration: Declaration, there: Rehearsal, unit_ids: Sequence[str]) -> Rehearsed:
    """One batch, by the statements that write it by name. Raises BatchFailed like the batch."""
    return (await _try(declaration, there, unit_ids, run_built)).rehearsed


async def weigh(declaration: Declaration, there: Rehearsal, unit_ids: Sequence[str]) -> Rehearsed:
    """The same twice, for its WAL: the second time hardly any page has to be logged whole any more."""
    async with rolled_back(there.engine, there.limits) as connection:
        pages = statements.pages_of(declaration, declaration.walk.among(unit_ids))
        found = (await run_built(connection, pages)).one()
    first, again = _Scales(), _Scales()
    tried = await _try(declaration, there, unit_ids, first.run)
    tried_again = await _try(declaration, there, unit_ids, again.run)
    return weighed((tried, first.weight), (tried_again, again.weight), found)


class _Scales:
    """Runs each statement twice, weighed and for its answer; the second time it finds rows locked and written."""

    def __init__(self) -> None:
        self.weight = Weight()

    async def run(self, connection: AsyncConnection, statement: Executable) -> CursorResult[Any]:
        self.weight.add(await explain_built(connection, statement, weigh=True))
        return await run_built(connection, statement)


async def _try(declaration: Declaration, there: Rehearsal, unit_ids: Sequence[str], run: Run) -> Tried:
    walk = declaration.walk

    async def settle(connection: AsyncConnection) -> Settled:
        if declaration.is_row_local:
            return await write_at_once(connection, declaration, unit_ids, run)
        return await write_locked(connection, declaration, walk.among(unit_ids), run)

    async def lock(connection: AsyncConnection) -> None:
        await run_built(connection, statements.lock(walk, walk.among(unit_ids[:1])))

    return await try_batch(there, settle, lock)
