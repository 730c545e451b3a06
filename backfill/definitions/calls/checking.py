"""Verification of what a function gave: whether a row is left to do, and what the author says is right.

Only the author knows what is right. That a row is not to do any more says little: whoever wrote a wrong value there
made it look done as well. So without a `check` the verification says that it did not check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import and_, false, func
from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.definitions.calls.answers import Raised
from backfill.definitions.calls.calling import Caller, RunsIn
from backfill.definitions.calls.given import same, values_of
from backfill.definitions.calls.keeping import kept
from backfill.definitions.calls.reading import Seen
from backfill.definitions.calls.spec import RECOMPUTE, Spec
from backfill.definitions.walk import Breach, check_rows
from backfill.engine.protocols import CheckedPage
from backfill.runs.findings import EXAMPLES_KEPT, Finding, Rule, merge
from backfill.runs.ranges import Key

LEFT, WRONG, DIFFERS, RAISES = "to_do", "check", "differs", "raises"
UNCHECKED, FUNCTION, KEEPER = "unchecked", "function", "kept_by"

AGAIN = "They came or changed while the run went on: the next run does them."
RULES = (
    Rule(slug="columns", title="The columns that the function reads and writes are there", on_schema=True),
    Rule(slug="indexes", title="The rows can be walked along an index", on_schema=True),
    Rule(slug="triggers", title="The trigger that keeps it right exists and is enabled", on_schema=True),
    Rule(slug=FUNCTION, title="Processes of its own can find the function", on_schema=True),
    Rule(slug="statistics", title="The planner does not take a large table for empty", is_error=False, on_schema=True),
    Rule(slug=UNCHECKED, title="What the function gives is verified", is_error=False, on_schema=True),
    Rule(slug=KEEPER, title="Somebody keeps it right while the application writes", is_error=False, on_schema=True),
    Rule(slug=LEFT, title="No row is left to do"),
    Rule(slug=WRONG, title="What the author says is right holds for every row"),
    Rule(slug=DIFFERS, title="Every row has what the function gives for it"),
    Rule(slug=RAISES, title="The function gives something for every row"),
)


def rules_of(spec: Spec) -> tuple[Rule, ...]:
    """Those that are checked."""
    left_out = set()
    if spec.todo is None or (spec.check is not None and not spec.is_emptied):
        left_out.add(LEFT)
    if spec.check is None:
        left_out.add(WRONG)
    if not spec.recomputes:
        left_out |= {DIFFERS, RAISES}
    if not spec.writes:
        left_out.add(KEEPER)
    if not kept(spec).needs:
        left_out.add("triggers")
    if spec.terms.runs_in is not RunsIn.PROCESSES:
        left_out.add(FUNCTION)
    rules = (rule for rule in RULES if rule.slug not in left_out)
    return tuple(replace(rule, is_error=not spec.is_emptied) if rule.slug == LEFT else rule for rule in rules)


def unchecked(spec: Spec) -> Finding | None:
    """A warning, where nobody said what is right."""
    if spec.check is not None or spec.recomputes:
        return None
    if not spec.writes:
        about = (
            f"{spec.name} writes nothing: its function is called for a row at least once, perhaps more than once, "
            "and nobody can tell from the data whether it was"
        )
        remedy = ""
    elif spec.todo is None:
        about = f"{spec.name} has no check: verification says nothing about what was written"
        remedy = f'Give it check="{RECOMPUTE}", or an SQL expression.'
    else:
        about = f"{spec.name} has no check: verification only asks whether a row is left to do"
        remedy = f'Give it check="{RECOMPUTE}", or an SQL expression.'
    return Finding(rule=UNCHECKED, is_error=False, count=1, examples=(about,), remedy=remedy)


async def check_by_sql(
    connection: AsyncConnection, spec: Spec, bounds: tuple[Key | None, Key | None], *, units: int
) -> CheckedPage:
    page = await check_rows(connection, spec.walk, bounds, breaches(spec), units=units)
    findings = (
        replace(one, is_error=False, remedy=AGAIN) if spec.is_emptied and one.rule == LEFT else one
        for one in page.findings
    )
    return replace(page, findings=merge(findings))


def breaches(spec: Spec) -> tuple[Breach, ...]:
    """A row that is to do is mended by settling it again, any other is not: the function would not be called for it."""
    is_to_do = func.coalesce(spec.to_do, false())
    left = () if spec.todo is None else (Breach(rule=LEFT, broken=is_to_do, mendable=not spec.is_emptied),)
    if spec.check is None:
        return left
    broken = and_(spec.concerned, ~func.coalesce(spec.check, false()))
    to_do = Breach(rule=WRONG, broken=func.coalesce(and_(broken, is_to_do), false()))
    done = Breach(rule=WRONG, broken=func.coalesce(and_(broken, ~is_to_do), false()), mendable=False)
    return (*left, done) if spec.is_emptied else (to_do, done)


async def compared(seen: Sequence[Seen], spec: Spec, caller: Caller, besides: Sequence[Any]) -> CheckedPage:
    """What the rows have against what the function gives for them now."""
    differing: list[str] = []
    raising: list[str] = []
    waiting = list(seen)
    while waiting:
        answers = await caller.answers([one.row for one in waiting], *besides)
        for one, answer in zip(waiting, answers, strict=False):
            new = values_of(answer, spec)
            if isinstance(new, Raised):
                raising.append(one.unit_id)
            elif new is not None and not same(new, one.written):
                differing.append(one.unit_id)
        waiting = waiting[len(answers) :]
    return CheckedPage(
        units=len(seen),
        last_key=None,
        findings=tuple(_findings({DIFFERS: differing, RAISES: raising})),
        mendable=tuple(differing) if spec.todo is None else (),
    )


def _findings(found: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    for rule, unit_ids in found.items():
        if unit_ids:
            examples = tuple(unit_ids[:EXAMPLES_KEPT])
            yield Finding(rule=rule, is_error=True, count=len(unit_ids), examples=examples)


def unkept(spec: Spec) -> Finding | None:
    """A warning, where nobody is named."""
    if spec.kept_by is not None or not spec.writes:
        return None
    about = f"nobody is named who keeps {', '.join(spec.writes)} right while the application writes"
    remedy = 'Give it kept_by="application", "frozen", "trigger" with sync_trigger, or a SyncTrigger of your own.'
    return Finding(rule=KEEPER, is_error=False, count=1, examples=(about,), remedy=remedy)


def not_found(spec: Spec) -> Finding | None:
    """Where processes of its own are asked for, and none would find the function."""
    why_not = spec.function.place.why_not if spec.terms.runs_in is RunsIn.PROCESSES else None
    if why_not is None:
        return None
    remedy = 'Define it with @calls at the top of a module of your own, or leave runs_in="processes" out.'
    return Finding(rule=FUNCTION, is_error=True, count=1, examples=(why_not,), remedy=remedy)
