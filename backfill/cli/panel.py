"""`backfill status` for a person: one run as a short list of facts, several runs as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from backfill.cli.output import duration, number
from backfill.cli.rows import print_facts, print_rows
from backfill.cli.words import amounts, held_back, mark, percent, remark, speed, state_text, warning
from backfill.runs.outlook import next_of, outcome_of
from backfill.runs.pace import AUTOPILOT, Pace
from backfill.runs.parameters import in_words
from backfill.runs.record import Run
from backfill.runs.terms import FIRST_VERSION
from backfill.runs.times import clock_time
from backfill.runs.wording import counted, ended

UNITS_LISTED = 5
NOTES_LISTED = 5


def print_run(console: Console, run: Run) -> None:
    console.print(Text.assemble((run.backfill, "bold"), "  run ", run.id, "  ", state_text(run)))
    print_facts(console, list(_facts(run)))


def print_runs(console: Console, runs: Sequence[Run]) -> None:
    header = [Text(column, style="dim") for column in ("run", "backfill", "state", "rows", "", "created, UTC")]
    print_rows(console, [header, *(_row(run) for run in runs)], right=(3, 4))


def _row(run: Run) -> tuple[str | Text, ...]:
    state = Text.assemble(state_text(run), (mark(run), "yellow"))
    created = clock_time(run.created_ms)[:16]
    parameters = f" ({in_words(run.parameters)})" if run.parameters else ""
    return run.id, run.backfill + parameters, state, number(run.counts.rows_done), percent(run), created


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    """Name and words of what there is to say; what has no words has nothing to say."""
    facts = {
        "database": run.terms.database,
        "parameters": in_words(run.parameters),
        "version": "" if run.version == FIRST_VERSION else run.version,
        "attention": warning(run),
        "error": ended(run.error or ""),
        "now": remark(run),
        "outcome": outcome_of(run) or "",
        "progress": "   ".join([percent(run), *amounts(run)]),
        "written": counted(run.counts.rows_written, "row"),
        "speed": "   ".join(speed(run)),
        "ranges": f"{run.ranges_finished} of {len(run.ranges)} finished" if run.ranges is not None else "",
        "pace": ", ".join(pace_words(run.pace)),
        "works": run.schedule.words(),
        "held back": ", ".join(_held_back(run)),
    }
    yield from ((name, words) for name, words in facts.items() if words)
    yield from _troubles(run)
    yield from _verification(run)
    yield "created", f"{clock_time(run.created_ms)} by {run.requested_by}"
    if run.approved_by:
        yield "approved", f"by {run.approved_by}"
    if run.started_ms is not None:
        yield "started", clock_time(run.started_ms)
    if run.finished_ms is not None:
        yield "finished", f"{clock_time(run.finished_ms)}, after {_took(run)}"
    if run.asked is not None:
        yield "asked", f"{run.asked.action}, {clock_time(run.asked.at_ms)} by {run.asked.by}"
    for place, note in enumerate(run.notes[-NOTES_LISTED:]):
        yield "" if place else "notes", f"{clock_time(note.at_ms)} {note.action} by {note.by}: {note.text}"
    if run.actions:
        yield "possible", ", ".join(f"backfill {action}" for action in run.actions)
    if following := next_of(run):
        yield "next", following


def _troubles(run: Run) -> Iterator[tuple[str, str]]:
    if run.contended:
        since_ms = min(unit.since_ms for unit in run.contended)
        longest = duration(max(run.seen_ms - since_ms, 0) / 1000)
        yield "contended", f"{counted(len(run.contended), 'unit')}, locked by others for up to {longest}"
    if run.quarantined:
        yield "quarantined", counted(len(run.quarantined), "unit")
    for unit in run.quarantined[:UNITS_LISTED]:
        reason = ", ".join(part for part in (unit.sqlstate, unit.constraint) if part)
        yield "", f"{unit.unit_id}: {unit.error}" + (f" ({reason})" if reason else "")
    if len(run.quarantined) > UNITS_LISTED:
        yield "", f"and {number(len(run.quarantined) - UNITS_LISTED)} more: backfill quarantined {run.id}"


def _verification(run: Run) -> Iterator[tuple[str, str]]:
    if run.findings is None:
        return
    errors = [finding for finding in run.findings if finding.is_error]
    yield (
        "verified",
        f"{counted(run.units_checked, 'unit')}, {counted(len(errors), 'rule') + ' broken' if errors else 'no errors'}",
    )
    for finding in run.findings:
        severity = "ERROR" if finding.is_error else "WARNING"
        examples = f", for instance {', '.join(finding.examples[:2])}" if finding.examples else ""
        yield "", f"{severity} {finding.rule}: {number(finding.count)}{examples}"


def pace_words(pace: Pace) -> Iterator[str]:
    """What the settings of a pace mean."""
    most = ""
    if pace.mode == AUTOPILOT:
        yield "by the autopilot"
        most = "at most "
    yield f"{most}{counted(pace.parallel, 'range')} at a time"
    yield f"batches of about {pace.target_ms} ms and at most {counted(pace.batch_rows, 'row')}"
    if pace.mode != AUTOPILOT:
        yield f"{pace.pause_ms} ms rest" if pace.pause_ms else "no rest"
    elif pace.pause_ms:
        yield f"{pace.pause_ms} ms rest at least"
    if pace.rows_per_second:
        yield f"at most {number(pace.rows_per_second)} rows/s"


def _held_back(run: Run) -> Iterator[str]:
    if run.held_back_by:
        since = f", since {clock_time(run.throttled_since_ms)}" if run.throttled_since_ms else ""
        yield f"now {held_back(run)}{since}"
    if run.throttled_ms >= 1000:
        yield f"by limits for {duration(run.throttled_ms / 1000)}"
    if run.paused_ms >= 1000:
        yield f"by pauses for {duration(run.paused_ms / 1000)}"


def _took(run: Run) -> str:
    if run.started_ms is None:
        return ""
    return duration(((run.finished_ms or run.seen_ms) - run.started_ms) / 1000)
