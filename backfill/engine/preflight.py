"""Whether a run can start on this database: the schema and the rights, asked before anything else is done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from backfill.engine.guard import guarded
from backfill.engine.protocols import Backfill
from backfill.runs.errors import DatabaseUnreachable, DefinitionFailed, SchemaNotReady, UnknownBackfill, UsageError
from backfill.runs.failures import INSUFFICIENT_PRIVILEGE, READ_ONLY, BatchFailed, Failure
from backfill.runs.findings import READ_ONLY_RULE, Finding

LISTED = 6
NONE_KNOWN = (
    "None is known here: set BACKFILL_DEFINITIONS to modules that define some, or run it beside the application."
)
MEND = "Mend the definition; only the class and the place of its exception are told, because its text might quote rows."
GRANT = "Grant it (see docs/roles.sql); backfill doctor names what is missing."

Found = TypeVar("Found", bound=Backfill)


@contextmanager
def told_to_operator() -> Iterator[None]:
    """A failure that a slice would wait out is an operator's to know when it is the operator who waits."""
    try:
        yield
    except BatchFailed as failed:
        if failed.failure is Failure.SCHEMA:
            remedy = (
                GRANT
                if failed.sqlstate == INSUFFICIENT_PRIVILEGE
                else "Run: backfill doctor, which names what is missing."
            )
            raise SchemaNotReady(f"The database refused: {failed.message}.", remedy) from failed
        if failed.failure in (Failure.BUG, Failure.ROW):
            raise DefinitionFailed(f"The definition failed: {failed.message}.", MEND) from None
        remedy = "" if failed.sqlstate == READ_ONLY else "Check DATABASE_URL and the server."  # which says it itself
        raise DatabaseUnreachable(f"{failed.message.rstrip('.')}.", remedy) from failed


def find_backfill(backfills: Mapping[str, Found], name: str, broken: Mapping[str, str] | None = None) -> Found:
    """Guarded: what its code raises is told as a BatchFailed. Raises UnknownBackfill."""
    require_known(backfills, name, broken)
    return guarded(backfills[name])


def require_known(known: Collection[str], name: str, broken: Mapping[str, str] | None = None) -> None:
    """`broken` are places that should hold definitions, with why they do not. Raises UnknownBackfill."""
    if name in known:
        return
    names = f"Known: {', '.join(sorted(known))}." if known else NONE_KNOWN
    unread = " ".join(f"Not read: {place} ({error})." for place, error in (broken or {}).items())
    raise UnknownBackfill(f"There is no backfill named {name!r}.", f"{names} {unread}".rstrip())


def the_only_one(names: Iterable[str]) -> str:
    """What need not be named while there is no other. Raises UsageError with what there is to choose from."""
    known = sorted(names)
    if len(known) == 1:
        return known[0]
    if not known:
        raise UsageError("There is no backfill.", NONE_KNOWN)
    raise UsageError("There are several backfills.", f"Name one: {', '.join(known)}.")


async def require_schema(backfill: Backfill) -> tuple[Finding, ...]:
    """Raises SchemaNotReady with the first things that are missing; returns what is only a warning."""
    with told_to_operator():
        findings = await backfill.check_schema()
    problems = [finding for finding in findings if finding.is_error]
    if problems:
        listed = [example for problem in problems for example in problem.examples]
        more = sum(problem.count for problem in problems) - LISTED
        named = ", ".join(listed[:LISTED]) + (f" and {more} more" if more > 0 else "")
        raise SchemaNotReady(f"The schema is not ready for {backfill.name}: {named}.", problems[0].remedy)
    return findings


async def require_privileges(backfill: Backfill, *, writes: bool) -> tuple[Finding, ...]:
    """Raises SchemaNotReady with everything that has to be granted, DatabaseUnreachable where nothing may be written;
    returns what is only a warning."""
    with told_to_operator():
        findings = await backfill.check_privileges(writes=writes)
    errors = [finding for finding in findings if finding.is_error]
    for closed in (error for error in errors if error.rule == READ_ONLY_RULE):
        raise DatabaseUnreachable(f"{closed.examples[0]}.", closed.remedy)
    if errors:
        listed = "; ".join(example for error in errors for example in error.examples)
        remedy = " ".join(error.remedy for error in errors)
        raise SchemaNotReady(
            f"Rights are missing for {backfill.name}: {listed}.", f"Grant them (see docs/roles.sql): {remedy}"
        )
    return findings
