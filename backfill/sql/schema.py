"""Compares the database's catalog with what a backfill needs, and says what to run where it differs."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.runs.findings import Finding
from backfill.sql.catalog import Catalog
from backfill.sql.folder import QUERIES
from backfill.sql.found import Found
from backfill.sql.judging import Kind, Problem, judge
from backfill.sql.needs import Needs, Revision
from backfill.sql.tables import TableName, as_parameters

RULES_BY_KIND = {"columns": Kind.COLUMN, "foreign_key": Kind.KEY, "indexes": Kind.INDEX, "triggers": Kind.TRIGGER}
COMPLETE = "Run: backfill schema --apply (backfill schema shows first what it would do)"
BY_HAND = "Run by hand what is missing"


async def check_catalog(connection: AsyncConnection, needs: Needs) -> tuple[Finding, ...]:
    """What is missing, invalid, disabled or of another shape, by `RULES_BY_KIND`; empty when all is there."""
    found = await read_found(connection, needs)
    problems = judge(needs, found)
    findings = [
        _finding(rule, [problem for problem in problems if problem.kind is kind], found, needs)
        for rule, kind in RULES_BY_KIND.items()
    ]
    return tuple(finding for finding in findings if finding is not None)


async def read_found(connection: AsyncConnection, needs: Needs) -> Found:
    return await connection.run_sync(lambda sync: Catalog(sync).found(needs.tables))


async def check_statistics(connection: AsyncConnection, tables: tuple[TableName, ...]) -> Finding | None:
    """A warning of the rule `statistics`, see check_statistics.sql."""
    rows = await QUERIES.run(connection, "check_statistics", as_parameters(tables))
    examples = tuple(f"{row.name} has no rows in the planner's eyes" for row in rows)
    if not examples:
        return None
    remedy = f"Run: ANALYZE {', '.join(map(str, tables))}. Until then a batch may take seconds."
    return Finding(rule="statistics", is_error=False, count=len(examples), examples=examples, remedy=remedy)


def way_to_complete(found: Found, needs: Needs) -> str:
    """What to run. Not always the migration: where its revision is recorded already it does nothing."""
    recorded, revision = found.recorded, needs.revision
    if not found.tables & set(needs.tables):
        if recorded.is_empty:
            return "Check DATABASE_URL; a new database gets its tables by: alembic upgrade head."
        anew = "alembic stamp --purge base, then alembic upgrade head"
        return f"Check DATABASE_URL: {recorded}. For a new database run: {anew}."
    if revision is None:
        return f"{BY_HAND}; no revision of Alembic is known that adds it."
    return _way_by(revision, found)


def _way_by(revision: Revision, found: Found) -> str:
    recorded = found.recorded
    if recorded.revisions == (revision.before,):
        return "Run: alembic upgrade head."
    if recorded.is_empty and not _has_begun(revision, found):
        return f"Run: alembic stamp {revision.before}, then alembic upgrade head; {recorded}."
    if recorded.revisions is None and not _has_begun(revision, found):
        return f"Run: alembic upgrade head. {COMPLETE}, where that does nothing."
    return f"{COMPLETE}; alembic upgrade head does nothing here: {recorded}."


def _has_begun(revision: Revision, found: Found) -> bool:
    """Whether the columns have been added, by whatever revision."""
    return any((column.table, column.name) == revision.adds for column in found.columns)


def _finding(rule: str, problems: list[Problem], found: Found, needs: Needs) -> Finding | None:
    if not problems:
        return None
    told = tuple(dict.fromkeys(problem.remedy for problem in problems if problem.remedy))
    remedy = " ".join(told) if told else way_to_complete(found, needs)
    if remedy.startswith((COMPLETE, BY_HAND)) and all(problem.mend for problem in problems):
        remedy = f"{remedy} Or by hand: {' '.join(statement for one in problems for statement in one.mend)}"
    return Finding(
        rule=rule,
        is_error=True,
        count=len(problems),
        examples=tuple(problem.about for problem in problems),
        remedy=remedy,
        hides_data=any(problem.hides_data for problem in problems),
    )
