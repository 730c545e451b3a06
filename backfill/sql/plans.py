"""The plan of every statement that a run uses, asked of the server with parameters as a batch has them; nothing is run.

The limits of a batch are set, sequential scans are out of the question there: a plan that has one all the same found
no index that it could use.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.runs.preview import StatementPlan
from backfill.sql.built import explain_built, render
from backfill.sql.folder import QUERIES, Queries
from backfill.sql.survey import table_sizes
from backfill.sql.tables import TableName

# Smaller tables are read whole in no time.
LARGE_BYTES = 4 * 1024 * 1024
WRITES = "this role may not write, so the server does not say"

_WHOLE_INDEX = {"Index Scan", "Index Only Scan", "Bitmap Index Scan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """`in_order`: a run walks along the index here, see walk_in_order.sql."""

    name: str
    part_of: str
    writes: bool
    in_order: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementsOfRun:
    """Every statement that a run uses, in the order in which it comes to them; `folder` has them.

    Reading one of `tables` whole is told, where it is large.
    """

    folder: Queries
    statements: tuple[Statement, ...]
    tables: tuple[TableName, ...]

    async def explain(
        self, connection: AsyncConnection, parameters: Mapping[str, Mapping[str, Any]], *, writes: bool
    ) -> tuple[StatementPlan, ...]:
        """`parameters` by a statement's name; `writes`: those too that write."""

        async def ask(statement: Statement) -> Mapping[str, Any]:
            return await self.folder.explain(connection, statement.name, parameters[statement.name])

        return await _explain(connection, self.statements, self.tables, ask if writes else _reading_only(ask))


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltStatement:
    """One that is built from an author's expressions, with the values of a batch in it."""

    statement: Statement
    built: Executable


async def explain_statements(
    connection: AsyncConnection, built: Sequence[BuiltStatement], tables: tuple[TableName, ...], *, writes: bool
) -> tuple[StatementPlan, ...]:
    """As `StatementsOfRun.explain`."""
    by_name = {one.statement.name: one.built for one in built}

    async def ask(statement: Statement) -> Mapping[str, Any]:
        return await explain_built(connection, by_name[statement.name])

    statements = tuple(one.statement for one in built)
    return await _explain(connection, statements, tables, ask if writes else _reading_only(ask))


Ask = Callable[[Statement], Awaitable[Mapping[str, Any] | None]]


def _reading_only(ask: Ask) -> Ask:
    async def asking(statement: Statement) -> Mapping[str, Any] | None:
        return None if statement.writes else await ask(statement)

    return asking


async def _explain(
    connection: AsyncConnection, statements: Sequence[Statement], tables: tuple[TableName, ...], ask: Ask
) -> tuple[StatementPlan, ...]:
    sizes = await table_sizes(connection, tables)
    large = {size.table for size in sizes if size.table_bytes > LARGE_BYTES}
    plans, in_order = {}, False
    for statement in sorted(statements, key=lambda one: one.in_order):
        if statement.in_order and not in_order:
            await walk_in_order(connection)
            in_order = True
        plan = await ask(statement)
        if plan is None:
            plans[statement] = StatementPlan(statement=statement.name, part_of=statement.part_of, why_not=WRITES)
        else:
            plans[statement] = _read(statement, plan, large)
    return tuple(plans[statement] for statement in statements)


async def walk_in_order(connection: AsyncConnection) -> None:
    """For the rest of the transaction, see walk_in_order.sql."""
    await _set(connection, "walk_in_order")


async def read_in_place(connection: AsyncConnection) -> None:
    """The same, see read_in_place.sql."""
    await _set(connection, "read_in_place")


async def _set(connection: AsyncConnection, name: str) -> None:
    """In a message of its own only where the transaction has begun."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if not driver.begin_also_with(_rendered(name)):
        await QUERIES.run(connection, name, {})


@cache
def _rendered(name: str) -> str:
    return render(QUERIES.statement(name))


def _read(statement: Statement, plan: Mapping[str, Any], large: set[str]) -> StatementPlan:
    steps = [step for step in _steps(plan, limited=False) if step.words]
    # Quantiles of a small table are made of all its keys, on purpose; planning is one statement in a run.
    scans = () if statement.part_of == "planning" else tuple(sorted({s.scans for s in steps if s.scans in large}))
    return StatementPlan(
        statement=statement.name,
        part_of=statement.part_of,
        steps=tuple(step.words for step in steps),
        cost=round(float(plan["Total Cost"]), 1),
        scans=scans,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """In words if it reads a table; `scans` is the table where it reads the whole of it."""

    words: str
    scans: str = ""


def _steps(plan: Mapping[str, Any], *, limited: bool) -> Iterator[_Step]:
    kind, table = plan["Node Type"], plan.get("Relation Name", "")
    index = plan.get("Index Name")
    if table or index:
        words = f"{kind}{f' using {index}' if index else ''}{f' on {table}' if table else ''}"
        whole = kind == "Seq Scan" or (kind in _WHOLE_INDEX and "Index Cond" not in plan and not limited)
        yield _Step(words=words, scans=table if whole else "")
    # A LIMIT ends the walk along an index, unless something in between has to see all of it first.
    limited = kind == "Limit" or (limited and kind not in {"Sort", "Aggregate", "WindowAgg", "Hash"})
    for below in plan.get("Plans", ()):
        yield from _steps(below, limited=limited)
