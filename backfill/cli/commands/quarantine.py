"""`backfill quarantined`: the units that keep failing, by what they fail with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backfill.cli.options import Json, RunId
from backfill.cli.output import answer_console, write_json
from backfill.cli.steering import with_runs
from backfill.runs.outlook import next_of
from backfill.runs.ranges import Quarantined
from backfill.runs.record import Run
from backfill.runs.times import timestamp
from backfill.runs.wording import counted


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Cause:
    error: str
    sqlstate: str
    constraint: str

    def words(self) -> str:
        codes = ", ".join(part for part in (self.sqlstate, self.constraint) if part)
        return f"{self.error} ({codes})" if codes else self.error


def quarantined(run: RunId = None, json: Json = False) -> None:
    """List the quarantined units of a run, all of them, by the error that each fails with; and what to do next."""
    found = with_runs(lambda runs: runs.get(run))
    by_cause = _by_cause(found.quarantined)
    if json:
        groups = [_document(cause, units) for cause, units in by_cause.items()]
        write_json({"run": found.id, "state": found.state.value, "next": _next(found), "groups": groups})
        return
    console = answer_console()
    units = counted(len(found.quarantined), "quarantined unit") if found.quarantined else "no quarantined unit"
    console.print(f"Run {found.id} of {found.backfill} is {found.state}, with {units}.")
    for cause, failing in by_cause.items():
        console.print(f"\n{counted(len(failing), 'unit')}: {cause.words()}")
        for unit in failing:
            console.print(f"  {unit.unit_id}")
    if words := _next(found):
        console.print(f"\n{words}")


def _by_cause(units: Sequence[Quarantined]) -> Mapping[Cause, list[Quarantined]]:
    """The most frequent first."""
    groups: defaultdict[Cause, list[Quarantined]] = defaultdict(list)
    for unit in units:
        cause = Cause(error=unit.error, sqlstate=unit.sqlstate or "", constraint=unit.constraint or "")
        groups[cause].append(unit)
    return dict(sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])))


def _document(cause: Cause, units: Sequence[Quarantined]) -> dict[str, object]:
    return {
        "error": cause.error,
        "sqlstate": cause.sqlstate or None,
        "constraint": cause.constraint or None,
        "count": len(units),
        "units": [{"unit": unit.unit_id, "at": timestamp(unit.at_ms)} for unit in units],
    }


def _next(run: Run) -> str | None:
    """What can be done about the units."""
    if not run.quarantined:
        return None
    if run.done or next_of(run):
        return next_of(run)
    return f"The run goes on without them, and ends failed. Mend them; when it has ended: backfill retry {run.id}."
