"""Compares the database's catalog with what the backfill relies on."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.generations.rules import COLUMNS, INDEXES, REMEDY_ANALYZE, REMEDY_MIGRATE, REMEDY_TRIGGERS, TRIGGERS
from worker.runs.findings import Finding
from worker.sqlfiles import load_sql


async def check_catalog(connection: AsyncConnection) -> tuple[Finding, ...]:
    """What is missing, invalid, disabled or of another type; empty when all is there."""
    found = [
        _finding("columns", await _wrong_columns(connection), REMEDY_MIGRATE),
        _finding("foreign_key", await _wrong_foreign_key(connection), REMEDY_MIGRATE),
        _finding("indexes", await _wrong_flags(connection, "check_indexes.sql", INDEXES, "invalid"), REMEDY_MIGRATE),
        _finding("triggers", await _wrong_flags(connection, "check_triggers.sql", TRIGGERS, "disabled"), None),
        await _wrong_statistics(connection),
    ]
    return tuple(finding for finding in found if finding is not None)


def _finding(rule: str, problems: list[str], remedy: str | None) -> Finding | None:
    if not problems:
        return None
    if remedy is None:
        remedy = REMEDY_TRIGGERS if any("disabled" in problem for problem in problems) else REMEDY_MIGRATE
    return Finding(rule=rule, is_error=True, count=len(problems), examples=tuple(problems[:5]), remedy=remedy)


async def _wrong_statistics(connection: AsyncConnection) -> Finding | None:
    rows = await connection.execute(text(load_sql(__package__, "sql/check_statistics.sql")))
    examples = tuple(f"{row.name} has no rows in the planner's eyes" for row in rows)
    if not examples:
        return None
    return Finding(rule="statistics", is_error=False, count=len(examples), examples=examples, remedy=REMEDY_ANALYZE)


async def _wrong_columns(connection: AsyncConnection) -> list[str]:
    rows = await connection.execute(text(load_sql(__package__, "sql/check_columns.sql")))
    actual = {row.name: row.type for row in rows}
    if not actual:
        return ["tables public.projects and public.generations missing"]
    return [
        f"{name} missing" if name not in actual else f"{name} is {actual[name]} instead of {wanted}"
        for name, wanted in COLUMNS.items()
        if actual.get(name) != wanted
    ]


async def _wrong_foreign_key(connection: AsyncConnection) -> list[str]:
    row = (await connection.execute(text(load_sql(__package__, "sql/check_foreign_key.sql")))).one_or_none()
    if row is None:
        return ["fk_projects_active_generation missing"]
    problems = []
    if not row.validated:
        problems.append("fk_projects_active_generation not validated")
    if not row.sets_null:
        problems.append("fk_projects_active_generation is not ON DELETE SET NULL")
    return problems


async def _wrong_flags(connection: AsyncConnection, file: str, wanted: tuple[str, ...], fault: str) -> list[str]:
    rows = await connection.execute(text(load_sql(__package__, f"sql/{file}")))
    good = {row.name: row[1] for row in rows}
    return [f"{name} {fault if name in good else 'missing'}" for name in wanted if not good.get(name)]
