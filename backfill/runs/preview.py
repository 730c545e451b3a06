"""What a preview finds out about a database before a run, as values; None always means `could not be seen`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from backfill.runs.findings import Finding
from backfill.runs.forecast import Amount, Forecast, Sample
from backfill.runs.pace import Pace
from backfill.runs.parameters import load_parameters
from backfill.runs.readings import Reading
from backfill.runs.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """On disk, indexes and long values apart. `believed_rows` is the planner's number, None before the first ANALYZE.

    `changed_rows` have been written since the statistics were made.
    """

    table: str
    table_bytes: int
    toast_bytes: int
    index_bytes: int
    believed_rows: int | None
    dead_rows: int
    changed_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPlan:
    """How the server would run one statement; `steps` are those that read a table, `why_not` is set where it was
    not asked. `scans` are the tables that it would read whole, or by a whole index.
    """

    statement: str
    part_of: str
    steps: tuple[str, ...] = ()
    cost: float | None = None
    scans: tuple[str, ...] = ()
    why_not: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    name: str
    state: str
    sync_state: str
    lag_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """`kept_bytes` of WAL cannot be removed because of it; `wal_status` as pg_replication_slots has it."""

    name: str
    kind: str
    active: bool
    wal_status: str | None
    kept_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A transaction that keeps dead rows from being cleaned up: so old, in seconds and in transactions since."""

    what: str
    seconds: float | None
    transactions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """`sees_all` is whether this role may look at other roles' sessions; without, a list says only what it can.

    `replicas` is None without it. `archiving_fails` is None where nothing is archived.
    """

    version: str
    role: str
    sees_all: bool
    settings: dict[str, str]
    archiving_fails: bool | None
    replicas: tuple[Replica, ...] | None
    slots: tuple[Slot, ...]
    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """`triggers` with whether they are enabled; `hindering_indexes` are on columns that a run writes."""

    amount: Amount
    tables: tuple[TableSize, ...]
    triggers: tuple[tuple[str, bool], ...]
    invalid_indexes: tuple[str, ...]
    hindering_indexes: tuple[str, ...]
    server: Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """Something to look at before a run; none of them forbids it. `slug` names it in JSON."""

    slug: str
    about: str
    remedy: str

    def document(self) -> dict[str, str]:
        return {"warning": self.slug, "about": self.about, "remedy": self.remedy}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """`no_sample` says why there is none, `no_forecast` likewise."""

    backfill: str
    pace: Pace
    survey: Survey
    findings: tuple[Finding, ...]
    statements: tuple[StatementPlan, ...]
    sample: Sample | None
    no_sample: str | None
    forecast: Forecast | None
    no_forecast: str | None
    cautions: tuple[Caution, ...]
    terms: Terms = field(default_factory=Terms)
    readings: tuple[Reading, ...] = ()
    """What the autopilot sees; empty where the pace is fixed."""

    def document(self) -> dict[str, Any]:
        survey, server = self.survey, self.survey.server
        return {
            "backfill": self.backfill,
            "autopilot": _autopilot(self.readings) if self.readings else None,
            "version": self.terms.version,
            "parameters": load_parameters(self.terms.parameters),
            "pace": self.pace.document(),
            "amount": _amount(survey.amount),
            "forecast": None if self.forecast is None else self.forecast.document(),
            "no_forecast": self.no_forecast,
            "sample": None if self.sample is None else _sample(self.sample),
            "no_sample": self.no_sample,
            "tables": [asdict(table) for table in survey.tables],
            "triggers": [{"trigger": name, "enabled": enabled} for name, enabled in survey.triggers],
            "statements": [_statement(plan) for plan in self.statements],
            "server": {
                "version": server.version,
                "role": server.role,
                "settings": server.settings,
                "archiving_fails": server.archiving_fails,
                "replicas": None if server.replicas is None else [asdict(one) for one in server.replicas],
                "slots": [asdict(slot) for slot in server.slots],
                "snapshots": [asdict(snapshot) for snapshot in server.snapshots],
                "not_visible": list(not_visible(server)),
            },
            "warnings": [caution.document() for caution in self.cautions],
        }


def not_visible(server: Server) -> tuple[str, ...]:
    """What this role cannot look at: no answer about it means nothing."""
    return () if server.sees_all else ("replicas", "transactions of other roles")


def _autopilot(readings: tuple[Reading, ...]) -> dict[str, Any]:
    return {
        "stopped_by": [reading.sentence for reading in readings if reading.stops],
        "warnings": [reading.sentence for reading in readings if reading.too_much and reading.warns],
        "readings": [reading.document() for reading in readings],
    }


def _amount(amount: Amount) -> dict[str, Any]:
    return {
        "units": amount.units,
        "rows": amount.rows,
        "units_left": amount.units_left,
        "rows_left": amount.rows_left,
        "is_estimate": amount.is_estimate,
    }


def _statement(plan: StatementPlan) -> dict[str, Any]:
    return {
        "statement": plan.statement,
        "part_of": plan.part_of,
        "steps": list(plan.steps),
        "cost": plan.cost,
        "scans": list(plan.scans),
        "why_not": plan.why_not,
    }


def _sample(sample: Sample) -> dict[str, Any]:
    timed = sample.alone + sample.together
    rows, ms = sum(batch.rows for batch in timed), sum(batch.ms for batch in timed)
    return {
        "batches": len(timed),
        "units": sample.units,
        "rows": rows,
        "seconds": round(sample.seconds, 2),
        "dead_rows": sample.updates,
        "contended": sample.contended,
        "too_slow": sample.too_slow,
        "refused": list(sample.refused),
        "rows_per_second_of_a_lane": round(rows * 1000 / ms, 1) if ms else None,
        "commit_ms": None if sample.commit_ms is None else round(sample.commit_ms, 2),
        "trip_ms": round(sample.trip_ms, 2),
        "check_unit_ms": None if sample.check_unit_ms is None else round(sample.check_unit_ms, 4),
        "hot_share": None if sample.hot_share is None else round(sample.hot_share, 3),
        "wal_bytes_per_row": round(sample.wal_bytes / sample.wal_rows, 1) if sample.wal_rows else None,
        "wal_images_per_row": round(sample.wal_images / sample.wal_rows, 3) if sample.wal_rows else None,
        "rows_per_page": round(sample.wal_rows / sample.pages, 2) if sample.pages else None,
    }
