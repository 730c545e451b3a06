"""Between Redis' strings and the values of `runs`: parsed here once, so that nothing else sees a raw hash."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from backfill.engine.protocols import Advance, Event, Totals
from backfill.runs.attention import Movement
from backfill.runs.findings import Finding
from backfill.runs.notes import Asked, Note
from backfill.runs.pace import FIXED, BatchSize, Pace
from backfill.runs.progress import Counts, Sample
from backfill.runs.ranges import Key, Part, PutAside, Quarantined, RangeState, Span
from backfill.runs.record import Run
from backfill.runs.schedule import Schedule
from backfill.runs.states import State
from backfill.runs.terms import FIRST_VERSION, Terms, backfill_at
from backfill.runs.window import Phase
from backfill.runs.workers import WorkerRecord, of_other_versions, serving


def dump_key(key: Key | None) -> str:
    return "" if key is None else json.dumps(key)


def load_key(text: str | None) -> Key | None:
    return tuple(json.loads(text)) if text else None


def dump_part(part: Part | None) -> str:
    return "" if part is None else json.dumps(asdict(part))


def load_span(fields: Mapping[str, str]) -> Span:
    end = load_key(fields["end"])
    if end is None:
        raise ValueError("a range without an end")
    return Span(start=load_key(fields["start"]), end=end)


def load_event(entry_id: str, fields: Mapping[str, str]) -> Event:
    about = {name: value for name, value in fields.items() if name not in ("kind", "at_ms")}
    return Event(id=entry_id, at_ms=int(fields["at_ms"]), kind=fields["kind"], about=about)


def load_part(text: str | None) -> Part | None:
    return Part(**json.loads(text)) if text else None


def load_batch_size(text: str | None) -> BatchSize:
    return BatchSize(**json.loads(text)) if text else BatchSize()


def load_totals(fields: Mapping[str, str]) -> Totals:
    return Totals(**{name: int(fields.get(name, 0)) for name in ("units", "rows", "written", "checked")})


def dump_pace(pace: Pace) -> str:
    """A mode only where it is none of before there were modes: older releases read this too."""
    return json.dumps({name: value for name, value in pace.document().items() if (name, value) != ("mode", FIXED)})


def load_pace(text: str) -> Pace:
    return Pace(**json.loads(text))


def load_terms(version: str | None, parameters: str | None, database: str | None) -> Terms:
    """A run that an older release started has none of them."""
    return Terms(version=version or FIRST_VERSION, parameters=parameters or "", database=database or "")


def load_schedule(record: Mapping[str, str]) -> Schedule:
    phases = (phase.split("-") for phase in record.get("phases", "").split())
    return Schedule(
        window=record.get("window", ""),
        not_before_ms=_optional(record.get("not_before_ms") or None),
        phases=tuple(Phase(opens_ms=int(opens), closes_ms=int(closes)) for opens, closes in phases),
    )


def dump_schedule(schedule: Schedule | None, now_ms: int) -> tuple[str, str, str]:
    """Window, the moment before which not, and the phases that follow from both. Raises UsageError."""
    if not schedule:
        return "", "", ""
    phases = " ".join(f"{phase.opens_ms}-{phase.closes_ms}" for phase in schedule.phases_from(now_ms))
    return schedule.window, "" if schedule.not_before_ms is None else str(schedule.not_before_ms), phases


def load_put_aside(values: Sequence[str]) -> tuple[PutAside, ...]:
    units = [PutAside(**{name: _whole(value) for name, value in json.loads(text).items()}) for text in values]
    return tuple(sorted(units, key=lambda unit: (unit.due_ms, unit.unit_id)))


def load_quarantined(values: Sequence[str]) -> tuple[Quarantined, ...]:
    return tuple(sorted((Quarantined(**json.loads(text)) for text in values), key=lambda unit: unit.at_ms))


def load_findings(values: Sequence[str]) -> tuple[Finding, ...]:
    return tuple(Finding.from_document(json.loads(text)) for text in values)


def dump_findings(findings: Sequence[Finding]) -> str:
    return json.dumps([finding.document() for finding in findings])


def dump_advance(advance: Advance, totals: Totals) -> str:
    """The checkpoint's argument; keys, parts, units and findings travel as texts that Lua does not open."""
    return json.dumps(
        {
            "cursor": dump_key(advance.cursor),
            "part": dump_part(advance.part),
            **asdict(totals),
            "batches_ms": [f"{took_ms:.3f}" for took_ms in advance.batches_ms],
            "batch_size": "" if advance.batch_size is None else json.dumps(asdict(advance.batch_size)),
            "put_aside": {unit.unit_id: json.dumps(asdict(unit)) for unit in advance.put_aside},
            "taken_back": sorted(advance.taken_back),
            "quarantined": {unit.unit_id: json.dumps(asdict(unit)) for unit in advance.quarantined},
            "findings": [json.dumps(finding.document()) for finding in advance.findings],
            "stage_done": advance.stage_done,
            "due_ms": advance.due_ms,
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTexts:
    """A run as it was read: its hash, the stages of its ranges, its leases by task, and its lists."""

    record: Mapping[str, str]
    stages: Sequence[str]
    leases: Mapping[str, str]
    put_aside: Sequence[str]
    quarantined: Sequence[str]
    samples: Sequence[str]
    notes: Sequence[str]


def load_run(texts: RunTexts, *, seen_ms: int, workers: Sequence[WorkerRecord], patience_ms: int) -> Run:
    """`workers` are alive; without any movement for `patience_ms` the run has stalled."""
    record = texts.record
    verification = record.get("verification")
    return Run(
        id=record["id"],
        backfill=backfill_at(record["backfill"]),
        terms=load_terms(record.get("version"), record.get("parameters"), record.get("database")),
        rung_for=record["backfill"],
        state=State(record["state"]),
        pace=load_pace(record["pace"]),
        counts=_counts(record),
        ranges=_ranges(texts, seen_ms) if "ranges" in record else None,
        ranges_finished=sum(stage != "open" for stage in texts.stages),
        batches=int(record.get("batches", 0)),
        batch_ms=float(record["batch_ms"]) if "batch_ms" in record else None,
        batch_rows_now=load_batch_size(record.get("batch_size")).rows,
        units_checked=int(record["checked"]),
        contended=load_put_aside(texts.put_aside),
        quarantined=load_quarantined(texts.quarantined),
        samples=tuple(Sample(at_ms=int(at), rows_done=int(rows)) for at, rows in (s.split() for s in texts.samples)),
        findings=None if verification is None else tuple(map(Finding.from_document, json.loads(verification))),
        error=record.get("error"),
        throttled_by=record.get("throttled_by"),
        throttled_since_ms=_optional(record.get("throttled_since_ms")),
        throttled_ms=int(record.get("throttled_ms", 0)),
        paused_ms=int(record.get("paused_ms", 0)),
        requested_by=record["requested_by"],
        schedule=load_schedule(record),
        approved_by=record.get("approved_by"),
        created_ms=int(record["created_ms"]),
        started_ms=_optional(record.get("started_ms")),
        updated_ms=int(record["updated_ms"]),
        finished_ms=_optional(record.get("finished_ms")),
        seen_ms=seen_ms,
        movement=_movement(texts, seen_ms, workers, patience_ms),
        notes=tuple(_note(json.loads(text)) for text in texts.notes),
        asked=_asked(record),
    )


def _movement(texts: RunTexts, seen_ms: int, workers: Sequence[WorkerRecord], patience_ms: int) -> Movement:
    record = texts.record
    address = record["backfill"]
    backfill = backfill_at(address)
    return Movement(
        moved_ms=int(record.get("moved_ms", record["updated_ms"])),
        workers=serving(workers, address),
        of_other_versions=of_other_versions(workers, address),
        refused=next(filter(None, (one.not_served.get(backfill) for one in workers)), ""),
        leases=len(_live(texts, seen_ms)),
        rests_until_ms=int(record.get("rate_next_ms", 0)),
        patience_ms=patience_ms,
    )


def _note(values: Mapping[str, str]) -> Note:
    return Note(text=values["text"], by=values["by"], at_ms=int(values["at_ms"]), action=values["action"])


def _asked(record: Mapping[str, str]) -> Asked | None:
    if "asked_action" not in record:
        return None
    return Asked(action=record["asked_action"], by=record["asked_by"], at_ms=int(record["asked_ms"]))


def _live(texts: RunTexts, seen_ms: int) -> set[str]:
    return {task for task, lease in texts.leases.items() if int(lease.split()[1]) > seen_ms}


def _ranges(texts: RunTexts, seen_ms: int) -> tuple[RangeState, ...]:
    live = _live(texts, seen_ms)
    return tuple(
        RangeState.WORKING if str(index) in live else RangeState(stage) for index, stage in enumerate(texts.stages)
    )


def _counts(record: Mapping[str, str]) -> Counts:
    return Counts(
        units_done=int(record["units_done"]),
        units_total=_optional(record.get("units_total")),
        rows_done=int(record["rows_done"]),
        rows_written=int(record["rows_written"]),
        rows_total=_optional(record.get("rows_total")),
        total_is_estimate=record.get("estimate") == "1",
    )


def _optional(text: str | None) -> int | None:
    return None if text is None else int(text)


def dump_optional(number: int | None) -> str:
    return "" if number is None else str(number)


def _whole(value: Any) -> Any:
    # Lua knows only doubles, and cjson may write a whole one as 1.0e+12.
    return int(value) if isinstance(value, float) else value
