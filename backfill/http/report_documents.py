"""The shape of a run's report, for /openapi.json; the report itself is made by `backfill.runs.report`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from backfill.http.documents import Document, Event, Finding, Run
from backfill.http.examples import AT
from backfill.runs.ranges import RangeState
from backfill.runs.report import Covered


class Totals(Document):
    """null where there are no counts: a worker of an older release began the run."""

    units: int | None = Field(examples=[20_000])
    rows: int | None = Field(description="rows that the cursors passed", examples=[200_000])
    written: int | None = Field(examples=[112_310])
    skipped: int | None = Field(description="rows that needed nothing", examples=[87_690])
    checked: int | None = Field(description="units that the verification looked at", examples=[20_000])


class CoveredRange(Totals):
    range: int = Field(examples=[0])
    stage: RangeState | None = Field(description="null where its record is gone", examples=[RangeState.VERIFIED])
    after: list[str] | None = Field(description="the key that it begins after; null: at the first", examples=[None])
    to: list[str] | None = Field(description="the key that it ends with", examples=[["18750"]])
    began_at: str | None = Field(examples=[AT])
    settled_at: str | None = Field(examples=[AT])
    verified_at: str | None = Field(examples=[AT])


class AfterSplit(Document):
    """Units above the last range, looked at when the run ended."""

    units: int = Field(examples=[12])
    complete: bool = Field(description="false: there were more than were looked at")
    findings: list[Finding]


class Coverage(Document):
    state: Covered = Field(
        description="proven; joined: nobody asked the database for the order; left: what came after the last range is "
        "not right, or not known; pending; broken",
        examples=[Covered.PROVEN],
    )
    sentence: str
    breaks: list[str] = Field(description="gaps, overlaps and ranges that are gone", examples=[[]])
    ordered_by_database: bool = Field(examples=[True])
    ranges: list[CoveredRange] | None = Field(description="in key order; null until the run is planned")
    totals: Totals
    counts_agree: bool | None = Field(description="the ranges add up to the run's own counts", examples=[True])
    after_split: AfterSplit | None = Field(examples=[{"units": 12, "complete": True, "findings": []}])


class Check(Document):
    rule: str = Field(examples=["unassigned"])
    title: str = Field(examples=["every customer has a normalized address"])
    severity: Literal["error", "warning"]
    count: int = Field(examples=[0])


class Durations(Document):
    """In seconds."""

    waited: float | None = Field(description="for a worker")
    settling: float | None
    verifying: float | None
    all: float | None
    paused: float
    throttled: float


class Report(Document):
    run: Run
    coverage: Coverage
    checks: list[Check] | None = Field(description="null before the verification has ended")
    durations: Durations
    wal_bytes: int | None = Field(
        description="WAL that everybody on the server wrote since the run was planned; null where it is not known",
        examples=[48_123_904],
    )
    events: list[Event] = Field(description="oldest first: who asked for what, with their notes")
    events_complete: bool = Field(description="false: the oldest are not kept any more", examples=[True])
