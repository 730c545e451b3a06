"""The report of a run: what it did and who asked for it, and whether its ranges are proof that nothing was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from backfill.runs.coverage import AfterSplit, Passage, Proof, RangeRecord, breaks_in
from backfill.runs.findings import Finding, Rule
from backfill.runs.ranges import RangeState
from backfill.runs.record import Run, run_document
from backfill.runs.states import State
from backfill.runs.times import timestamp
from backfill.runs.wording import counted, ended

_OLDER = "a worker of an older release ended the run, which did not ask the database for their order"
COUNTS = ("units", "rows", "written", "checked")
NO_COUNTS = dict.fromkeys((*COUNTS, "skipped"))


class Covered(StrEnum):
    """`joined`: the ranges join, but the database was not asked for their order. `left`: they tile the keys, but what
    came after the last of them is not right, or not known."""

    PROVEN = "proven"
    JOINED = "joined"
    LEFT = "left"
    PENDING = "pending"
    BROKEN = "broken"


def report_document(run: Run, passage: Passage, events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The report's JSON: the same in the API and of the command. `events` are documents, oldest first."""
    return {
        "run": run_document(run),
        "coverage": coverage_document(run, passage),
        "checks": _checks(run, passage.proof),
        "durations": _durations(run, passage),
        "wal_bytes": passage.proof.wal_bytes if passage.proof else None,
        "events": list(events),
        "events_complete": bool(events) and events[0]["about"].get("action") == "enqueue",
    }


def coverage_document(run: Run, passage: Passage) -> dict[str, Any]:
    ranges = passage.ranges or ()
    proof = passage.proof or Proof()
    breaks = breaks_in([one.span if one else None for one in ranges], proof.places)
    state = _covered(run, passage, breaks)
    return {
        "state": state.value,
        "sentence": _sentence(state, run, passage, breaks),
        "breaks": list(breaks),
        "ordered_by_database": proof.places is not None,
        "ranges": None if passage.ranges is None else [_range(index, one) for index, one in enumerate(ranges)],
        "totals": _totals(ranges),
        "counts_agree": _counts_agree(run, ranges),
        "after_split": _after(proof.after),
    }


def _covered(run: Run, passage: Passage, breaks: Sequence[str]) -> Covered:
    if breaks:
        return Covered.BROKEN
    ranges = passage.ranges
    if run.state is not State.SUCCEEDED or ranges is None:
        return Covered.PENDING
    if any(one is None or one.stage is not RangeState.VERIFIED for one in ranges):
        return Covered.BROKEN
    proof = passage.proof
    if proof is None or proof.places is None:
        return Covered.JOINED
    if proof.after is None or not proof.after.complete or proof.after.broken:
        return Covered.LEFT
    return Covered.PROVEN


def _sentence(state: Covered, run: Run, passage: Passage, breaks: Sequence[str]) -> str:
    ranges = counted(len(passage.ranges or ()), "range")
    after = passage.proof.after if passage.proof else None
    match state:
        case Covered.BROKEN:
            why = breaks[0] if breaks else "a range was not verified to its end"
            return f"The ranges do not cover the keys: {why}. Start another run."
        case Covered.PENDING:
            if passage.ranges is None:
                return "The run has not been cut into ranges yet."
            return f"The run is {run.state}: its {ranges} join, and are proof of nothing before it has succeeded."
        case Covered.JOINED:
            asked = "the definition cannot say in which order they come" if passage.proof else _OLDER
            return f"The {ranges} were verified, and each begins where the one before it ends; {asked}."
        case Covered.LEFT:
            return f"The {ranges} cover every key up to the last one when the run was planned. {_left(after)}"
        case Covered.PROVEN:
            covers = "cover every key up to the last one when the run was planned, none of them twice"
            return f"The {ranges} {covers}, and were verified. {_right(after)}"


def _left(after: AfterSplit | None) -> str:
    if after is None:
        return "What came after it could not be looked at."
    if after.broken:
        broken = "breaks" if after.broken == 1 else "break"
        return f"Of what came after it, {counted(after.broken, 'unit')} {broken} a rule. Start another run."
    return f"Of what came after it, {counted(after.units, 'unit')} were looked at, and there are more."


def _right(after: AfterSplit | None) -> str:
    if after is None or not after.units:
        return "Nothing came after it."
    return f"What came after it, {counted(after.units, 'unit')}, is right as well."


def _range(index: int, one: RangeRecord | None) -> dict[str, Any]:
    if one is None:
        return {"range": index, "stage": None, "after": None, "to": None, **NO_COUNTS, **_times(None)}
    return {
        "range": index,
        "stage": one.stage.value,
        "after": None if one.span.start is None else list(one.span.start),
        "to": list(one.span.end),
        **{name: getattr(one, name) for name in COUNTS},
        "skipped": _skipped(one.rows, one.written),
        **_times(one),
    }


def _times(one: RangeRecord | None) -> dict[str, str | None]:
    return {
        "began_at": timestamp(one.began_ms) if one else None,
        "settled_at": timestamp(one.settled_ms) if one else None,
        "verified_at": timestamp(one.verified_ms) if one else None,
    }


def _totals(ranges: Sequence[RangeRecord | None]) -> dict[str, int | None]:
    """None where a range has no counts: an older worker began the run, or the range's record is gone."""
    if any(one is None or (not one.is_counted and one.stage is not RangeState.OPEN) for one in ranges):
        return dict(NO_COUNTS)
    totals = {name: sum(getattr(one, name) or 0 for one in ranges) for name in COUNTS}
    return {**totals, "skipped": _skipped(totals["rows"], totals["written"])}


def _skipped(rows: int | None, written: int | None) -> int | None:
    """Rows that the cursors passed and that needed nothing."""
    return None if rows is None or written is None else max(rows - written, 0)


def _counts_agree(run: Run, ranges: Sequence[RangeRecord | None]) -> bool | None:
    """Whether what the run says of itself is the sum of its ranges; None where they have no counts."""
    totals = _totals(ranges)
    if totals["units"] is None:
        return None
    counts = run.counts
    return (totals["units"], totals["rows"], totals["written"]) == (
        counts.units_done,
        counts.rows_done,
        counts.rows_written,
    )


def _after(after: AfterSplit | None) -> dict[str, Any] | None:
    if after is None:
        return None
    return {
        "units": after.units,
        "complete": after.complete,
        "findings": [finding.document() for finding in after.findings],
    }


def _checks(run: Run, proof: Proof | None) -> list[dict[str, Any]] | None:
    """Every rule with its breaches; only those that are broken where a worker did not say which there are. None before
    the verification has ended."""
    if run.findings is None:
        return None
    findings = {finding.rule: finding for finding in run.findings}
    rules = {rule.slug: rule for rule in (proof.rules if proof else ())}
    return [_check(slug, rules.get(slug), findings.get(slug)) for slug in dict.fromkeys([*rules, *findings])]


def _check(slug: str, rule: Rule | None, finding: Finding | None) -> dict[str, Any]:
    is_error = finding.is_error if finding else rule is None or rule.is_error
    return {
        "rule": slug,
        "title": ended(rule.title).rstrip(".") if rule else "",
        "severity": "error" if is_error else "warning",
        "count": finding.count if finding else 0,
    }


def _durations(run: Run, passage: Passage) -> dict[str, float | None]:
    """In seconds. Settling and verifying are None for a run that did not come to the end of them."""
    until = run.finished_ms or run.seen_ms
    began, verifying = run.started_ms, passage.verifying_ms
    return {
        "waited": _seconds(run.created_ms, began),
        "settling": _seconds(began, verifying),
        "verifying": _seconds(verifying, run.finished_ms),
        "all": _seconds(began, until),
        "paused": run.paused_ms / 1000,
        "throttled": run.throttled_ms / 1000,
    }


def _seconds(since_ms: int | None, until_ms: int | None) -> float | None:
    return None if since_ms is None or until_ms is None else max(until_ms - since_ms, 0) / 1000
