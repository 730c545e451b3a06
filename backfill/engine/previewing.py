"""What a run would do on this database, with evidence: looked at, asked of the planner, tried out and rolled back.

    schema, rights -> plan -> survey -> plans of statements -> sample -> forecast

Nothing is kept: statements that write are explained without being executed, or executed in transactions that are
rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backfill.engine.guard import guarded
from backfill.engine.preflight import require_privileges, require_schema, told_to_operator
from backfill.engine.protocols import Previewable
from backfill.engine.sampling import Bounds, Sampler
from backfill.runs.cautions import cautions
from backfill.runs.findings import READ_ONLY_RULE, Finding
from backfill.runs.forecast import Amount
from backfill.runs.pace import Pace
from backfill.runs.playing import forecast
from backfill.runs.preview import Preview
from backfill.runs.ranges import Plan, Unit, ranges_wanted

# Of the rows that are left, the sample writes so many at most; of a small database it may take all of these.
SAMPLE_SHARE = 0.1
SAMPLE_LEAST_ROWS = 2_000
UNITS_EXPLAINED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """`seconds` that the sample may take; 0 for none. `announce` is called when it begins."""

    seconds: float
    stopwatch: Callable[[], float]
    announce: Callable[[], None] = lambda: None


async def preview(backfill: Previewable, pace: Pace, sampling: Sampling) -> Preview:
    """Raises SchemaNotReady, DatabaseUnreachable and DefinitionFailed, as the beginning of a run does."""
    backfill = guarded(backfill)
    findings = (*await require_schema(backfill), *await require_privileges(backfill, writes=False))
    with told_to_operator():
        closed = [finding for finding in await backfill.check_privileges(writes=True) if finding.is_error]
        may_write = not closed
        began = sampling.stopwatch()
        plan = await backfill.plan(ranges_wanted(pace.parallel))
        plan_seconds = sampling.stopwatch() - began
        survey = await backfill.survey()
        statements = await backfill.explain(await _some_units(backfill, plan), writes=may_write)
        why_not = _why_no_sample(sampling, survey.amount, closed)
        bounds = Bounds(seconds=sampling.seconds, most_rows=most_rows(survey.amount.rows_left))
        if why_not is None:
            sampling.announce()
        sampler = Sampler(backfill, pace, plan.spans, bounds, sampling.stopwatch)
        sample = await sampler.take(writes=why_not is None)
    foretold = forecast(pace, survey.amount, sample, plan_seconds=plan_seconds)
    return Preview(
        backfill=backfill.name,
        pace=pace,
        survey=survey,
        findings=findings,
        statements=statements,
        sample=sample if why_not is None else None,
        no_sample=why_not,
        forecast=foretold,
        no_forecast=None if foretold else why_not or "no batch of the sample wrote a row",
        cautions=cautions(survey, findings, statements, sample),
    )


def most_rows(rows_left: int) -> int:
    """That the sample may write."""
    return max(round(SAMPLE_SHARE * rows_left), SAMPLE_LEAST_ROWS)


def _why_no_sample(sampling: Sampling, amount: Amount, closed: Sequence[Finding]) -> str | None:
    if sampling.seconds <= 0:
        return "none was asked for"
    if not amount.rows_left:
        return "no rows are left to do"
    for one in (one for one in closed if one.rule == READ_ONLY_RULE):
        return one.examples[0]
    if closed:
        return "this role may not write; take the worker's (docs/roles.sql)"
    return None


async def _some_units(backfill: Previewable, plan: Plan) -> Sequence[Unit]:
    """From the middle of the key space, about as many as a batch has."""
    if not plan.spans:
        return ()
    span = plan.spans[len(plan.spans) // 2]
    return await backfill.read_page(span.start, span.end, units=UNITS_EXPLAINED, row_cap=1000)
