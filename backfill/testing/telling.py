"""Why a run or a verification is not what a test expects, in words that lead to the row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backfill.runs.findings import Finding
from backfill.runs.record import Run

MOST = 5


def told(about: Run | Sequence[Finding]) -> str:
    return "\n".join(_of_run(about) if isinstance(about, Run) else map(_of_finding, about))


def _of_run(run: Run) -> Iterator[str]:
    counts = run.counts
    yield f"{run.backfill} is {run.state.value}{f': {run.error}' if run.error else ''}"
    yield f"{counts.rows_written} rows written, {counts.units_done} units done, {run.units_checked} verified"
    yield from map(_of_finding, run.findings or ())
    for unit in run.quarantined[:MOST]:
        yield f"quarantined: {unit.unit_id}: {unit.error}"
    if len(run.quarantined) > MOST:
        yield f"... and {len(run.quarantined) - MOST} more are quarantined"
    if run.contended:
        yield f"locked by somebody, so still to do: {', '.join(one.unit_id for one in run.contended[:MOST])}"


def _of_finding(finding: Finding) -> str:
    units = f", such as {', '.join(finding.examples)}" if finding.examples else ""
    return f"{finding.rule}: {finding.count}{units}{f'. {finding.remedy}' if finding.remedy else ''}"
