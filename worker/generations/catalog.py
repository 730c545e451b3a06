"""Compares the database's catalog with what the backfill relies on, and says what to run where it differs."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.runs.findings import Finding
from backfill.sql.catalog import Catalog
from backfill.sql.files import load_sql
from backfill.sql.found import Found
from backfill.sql.judging import Kind, Problem, judge
from worker.generations.needs import BEFORE_REVISION, NEEDS
from worker.generations.rules import REMEDY_ANALYZE

RULES_BY_KIND = {"columns": Kind.COLUMN, "foreign_key": Kind.KEY, "indexes": Kind.INDEX, "triggers": Kind.TRIGGER}
COMPLETE = "Run: backfill schema --apply (backfill schema shows first what it would do)"


async def check_catalog(connection: AsyncConnection) -> tuple[Finding, ...]:
    """What is missing, invalid, disabled or of another shape; empty when all is there."""
    found = await read_found(connection)
    problems = judge(NEEDS, found)
    findings = [
        _finding(rule, [problem for problem in problems if problem.kind is kind], found)
        for rule, kind in RULES_BY_KIND.items()
    ]
    findings.append(await _wrong_statistics(connection))
    return tuple(finding for finding in findings if finding is not None)


async def read_found(connection: AsyncConnection) -> Found:
    return await connection.run_sync(lambda sync: Catalog(sync).found(NEEDS.tables))


def way_to_complete(found: Found) -> str:
    """What to run. Not always the migration: where its revision is recorded already it does nothing."""
    recorded = found.recorded
    if not found.tables & set(NEEDS.tables):
        if recorded.is_empty:
            return "Check DATABASE_URL; a new database gets its tables by: alembic upgrade head."
        anew = "alembic stamp --purge base, then alembic upgrade head"
        return f"Check DATABASE_URL: {recorded}. For a new database run: {anew}."
    if recorded.revisions == (BEFORE_REVISION,):
        return "Run: alembic upgrade head."
    if recorded.is_empty and not _has_begun(found):
        return f"Run: alembic stamp {BEFORE_REVISION}, then alembic upgrade head; {recorded}."
    if recorded.revisions is None and not _has_begun(found):
        return f"Run: alembic upgrade head. {COMPLETE}, where that does nothing."
    return f"{COMPLETE}; alembic upgrade head does nothing here: {recorded}."


def _has_begun(found: Found) -> bool:
    """Whether the columns have been added, by whatever revision."""
    return any((column.table, column.name) == ("generations", "storage_path") for column in found.columns)


def _finding(rule: str, problems: list[Problem], found: Found) -> Finding | None:
    if not problems:
        return None
    remedy = way_to_complete(found)
    if remedy.startswith(COMPLETE) and all(problem.mend for problem in problems):
        remedy = f"{remedy} Or by hand: {' '.join(statement for one in problems for statement in one.mend)}"
    return Finding(
        rule=rule,
        is_error=True,
        count=len(problems),
        examples=tuple(problem.about for problem in problems),
        remedy=remedy,
        hides_data=any(problem.hides_data for problem in problems),
    )


async def _wrong_statistics(connection: AsyncConnection) -> Finding | None:
    rows = await connection.execute(text(load_sql(__package__, "sql/check_statistics.sql")))
    examples = tuple(f"{row.name} has no rows in the planner's eyes" for row in rows)
    if not examples:
        return None
    return Finding(rule="statistics", is_error=False, count=len(examples), examples=examples, remedy=REMEDY_ANALYZE)
