"""The shapes of what the service answers, for its description in /openapi.json; tests hold the answers against them.

The answers themselves are made by `run_document` and its kin, which the CLI and the events use as well.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from backfill.http.examples import AT, PROBLEMS, RUN_ID
from backfill.runs.attention import Kind
from backfill.runs.ranges import RangeState
from backfill.runs.states import Action, State


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Progress(Document):
    units_done: int = Field(examples=[11_250])
    units_total: int | None = Field(description="null until the run is planned", examples=[20_000])
    rows_done: int = Field(description="rows that the cursors have passed", examples=[112_310])
    rows_written: int = Field(description="rows that needed a value; fewer in a run that goes on", examples=[112_310])
    rows_total: int | None = Field(examples=[200_000])
    total_is_estimate: bool
    fraction: float | None = Field(ge=0, le=1, description="1 only when the run has succeeded", examples=[0.5615])
    rows_per_second: float | None = Field(
        description="over the last half minute; null where it is not known", examples=[24_000.0]
    )
    eta_seconds: float | None = Field(description="null where it cannot be known", examples=[3.7])
    units_left: int | None = Field(description="not settled yet; null until the run is planned", examples=[8_750])
    throttled_seconds: float
    paused_seconds: float


class Pace(Document):
    mode: str = Field(
        description="autopilot, which does at most what follows; or fixed, as it is set", examples=["fixed"]
    )
    parallel: int = Field(examples=[2])
    batch_rows: int = Field(examples=[2_000])
    target_ms: int = Field(examples=[50])
    pause_ms: int = Field(examples=[0])
    rows_per_second: int = Field(description="0: no limit", examples=[0])
    batch_rows_now: int = Field(description="rows per transaction that keep to target_ms at present", examples=[1_180])
    batch_ms: float | None = Field(description="what the last transaction took", examples=[48.2])
    batches: int = Field(description="transactions that wrote rows", examples=[104])
    throttled_by: str | None = Field(
        description="rows_per_second, its own limit, or what went wrong and is tried again", examples=[None]
    )
    throttled_since: str | None = Field(description="without a break", examples=[None])


class Schedule(Document):
    window: str | None = Field(description="hours and days of a time zone", examples=["mon-fri 22:00-06:00 UTC"])
    not_before: str | None = Field(examples=[None])
    open: bool = Field(description="whether the run may work now", examples=[True])
    until: str | None = Field(description="when that changes; null: never", examples=[AT])
    waits: str | None = Field(description="until when it does not work, in words", examples=[None])


class Contended(Document):
    unit: str = Field(examples=["7c0e8d4a-2f5b-4c9f-9a44-1f1c2ab3d0e7"])
    seconds: float = Field(description="since it was first found locked", examples=[1.52])
    tries: int = Field(examples=[3])


class Quarantined(Document):
    unit: str = Field(examples=["e2b1f7a0-93d4-4f6a-8a53-0a9d5be6c114"])
    sqlstate: str | None = Field(examples=["23514"])
    constraint: str | None = Field(examples=["customers_email_check"])
    error: str = Field(description="the first error; never holds row values")
    at: str = Field(examples=[AT])


class Finding(Document):
    rule: str = Field(examples=["unassigned"])
    severity: Literal["error", "warning"]
    count: int
    examples: list[str] = Field(description="ids of some units that break the rule")
    remedy: str


class Verification(Document):
    state: Literal["pending", "running", "passed", "failed"]
    units_checked: int
    findings: list[Finding] = Field(default=[], description="there once verification has ended")


class Attention(Document):
    kind: Kind = Field(examples=[Kind.NO_WORKER])
    since: str = Field(description="when something of the run last moved", examples=[AT])
    sentence: str


class Note(Document):
    text: str = Field(examples=["CHG-1044: until the release is out"])
    by: str = Field(examples=["http:deploys"])
    at: str = Field(examples=[AT])
    action: str = Field(description="what it was written to", examples=["pause"])


class Asked(Document):
    action: str = Field(examples=["pause"])
    by: str = Field(examples=["http:deploys"])
    at: str = Field(examples=[AT])


class Run(Document):
    """One execution of a backfill. Times are RFC 3339 in UTC."""

    id: str = Field(examples=[RUN_ID])
    backfill: str = Field(examples=["email-normalized"])
    version: str = Field(description="of the definition that it was started with", examples=["1"])
    parameters: dict[str, Any] = Field(description="that it was started with", examples=[{"country": "AT"}])
    database: str | None = Field(description="its name in DATABASES; null: DATABASE_URL", examples=[None])
    state: State = Field(examples=[State.RUNNING])
    done: bool = Field(description="it has ended: succeeded, failed or cancelled", examples=[False])
    actions: list[Action] = Field(description="what can be asked of it now", examples=[["pause", "cancel"]])
    attention: Attention | None = Field(
        description="what is wrong that the state does not say: no worker is alive, or nothing moves", examples=[None]
    )
    progress: Progress
    pace: Pace
    schedule: Schedule
    ranges: list[RangeState] | None = Field(
        description="in key order; null until the run is planned", examples=[["settled", "working", "working", "open"]]
    )
    contended: list[Contended] = Field(description="units that live traffic holds locked", examples=[[]])
    quarantined: list[Quarantined] = Field(description="units that keep failing", examples=[[]])
    verification: Verification = Field(examples=[{"state": "pending", "units_checked": 0}])
    error: str | None = Field(examples=[None])
    outcome: str | None = Field(description="what a run that succeeded has done, as a sentence", examples=[None])
    next: str | None = Field(description="at rest: what can be done now, a new run too", examples=[None])
    notes: list[Note] = Field(description="what people wrote to it, oldest first", examples=[[]])
    asked: Asked | None = Field(description="the last action asked for; the engine pauses too", examples=[None])
    requested_by: str = Field(examples=["http:deploys"])
    approved_by: str | None = Field(description="null where nobody had to", examples=[None])
    created_at: str = Field(examples=[AT])
    started_at: str | None = Field(examples=[AT])
    updated_at: str = Field(examples=[AT])
    moved_at: str = Field(description="when its state, a cursor or a count last changed", examples=[AT])
    finished_at: str | None = Field(examples=[None])


class Runs(Document):
    runs: list[Run]
    next_page_token: str | None = Field(description="null on the last page", examples=[None])


class Rule(Document):
    rule: str = Field(examples=["unassigned"])
    title: str = Field(examples=["every customer has a normalized address"])
    severity: Literal["error", "warning"]


class Backfill(Document):
    name: str = Field(examples=["email-normalized"])
    version: str = Field(examples=["1"])
    parameters: dict[str, Any] | None = Field(
        description="the JSON schema of the parameters that a run is given; null where it takes none", examples=[None]
    )
    database: str | None = Field(description="its name in DATABASES; null: DATABASE_URL", examples=[None])
    runs_url: str = Field(examples=["/v1/backfills/email-normalized/runs"])
    rules: list[Rule]


class Backfills(Document):
    backfills: list[Backfill]


class Held(Document):
    run: str = Field(examples=[RUN_ID])
    backfill: str = Field(examples=["email-normalized"])
    task: str = Field(description="plan, settle, check or finish", examples=["settle"])
    range: int | None = Field(description="null where the task is the whole run's", examples=[7])
    since: str = Field(examples=[AT])
    seconds: float = Field(examples=[2.4])


class Worker(Document):
    """A worker that has said lately that it is alive, and what it holds now."""

    id: str = Field(examples=["db-jobs-1:4711:9f3c2a10"])
    host: str = Field(examples=["db-jobs-1"])
    pid: int = Field(examples=[4711])
    version: str | None = Field(description="null: an older one, which does not say", examples=["0.1.0"])
    started_at: str | None = Field(examples=[AT])
    beat_at: str = Field(description="when it last said that it is alive", examples=[AT])
    backfills: list[str] = Field(description="those that it serves", examples=[["email-normalized"]])
    not_served: dict[str, str] = Field(description="backfills that it does not serve, with why", examples=[{}])
    versions: dict[str, str] = Field(
        description="of its definitions, by backfill", examples=[{"email-normalized": "1"}]
    )
    holds: list[Held] = Field(description="what it works on; a worker at rest holds nothing")


class Workers(Document):
    workers: list[Worker]


class Alive(Document):
    status: Literal["ok"]


class Probe(Document):
    ok: bool = Field(examples=[True])
    ms: float = Field(examples=[1.4])
    error: str | None = Field(default=None, description="there where ok is false")


class Ready(Document):
    status: Literal["ok"]
    checks: dict[str, Probe] = Field(examples=[{"postgres": {"ok": True, "ms": 1.4}}])


class Mistake(Document):
    at: str = Field(examples=["body.parallel"])
    message: str = Field(examples=["Input should be less than or equal to 64"])


class Problem(Document):
    """RFC 9457. `type` is an address that says what it means and what to do."""

    type: str = Field(examples=["/problems/unknown-run"])
    title: str = Field(examples=["Unknown run"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=[f"There is no run '{RUN_ID}'. List the runs: backfill status --all."])
    instance: str = Field(examples=[f"/v1/runs/{RUN_ID}"])
    run: str | None = Field(default=None, description="the run that is in the way", examples=[RUN_ID])
    actions: list[Action] | None = Field(default=None, description="what is possible instead")
    errors: list[Mistake] | None = Field(default=None, description="each mistake in the request")
    checks: dict[str, Probe] | None = Field(default=None, description="of /readyz")


class Event(Document):
    id: str = Field(examples=["1773480413589-0"])
    at: str = Field(examples=[AT])
    kind: str = Field(examples=["state"])
    sentence: str = Field(description="the event in words", examples=["Running. A worker claimed the first slice."])
    about: dict[str, str] = Field(examples=[{"state": "running", "from": "queued", "action": "start", "who": "engine"}])


def example_of(model: type[Document]) -> dict[str, Any]:
    """A document made of the examples of its fields; what has none is left at its default, or empty."""
    return {name: _example(field) for name, field in model.model_fields.items() if field.default is not None}


def _example(field: FieldInfo) -> Any:
    if field.examples:
        return field.examples[0]
    if not field.is_required():
        return field.default
    inner = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
    document: type[Document] | None = next((kind for kind in inner if issubclass(kind, Document)), None)
    if document is None:
        literals = [value for value in get_args(field.annotation) if isinstance(value, str)]
        return literals[0] if literals else (inner[0]() if inner else None)
    example = example_of(document)
    return example if field.annotation is document else [example]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these problems."""
    return {status: {"description": PROBLEMS[status][0], "model": Problem} for status in statuses}


def example_problem(status: int) -> dict[str, Any]:
    _, slug, detail = PROBLEMS[status]
    title = slug.replace("-", " ").capitalize()
    return {
        "type": f"/problems/{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": f"/v1/runs/{RUN_ID}",
    }
