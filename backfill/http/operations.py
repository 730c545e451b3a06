"""The routes that change something: start a run, act on it, change its pace. Each answers at once and can be repeated:
an action that was taken already changes nothing, and a run started again with the same key is the same run.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse

from backfill.engine.steering import Changes
from backfill.http import documents
from backfill.http.access import Operator, audit
from backfill.http.depends import BackfillName, OpenService, RunId
from backfill.http.documents import problems
from backfill.http.runs import retry_after
from backfill.runs.notes import LONGEST_NOTE, PLAIN
from backfill.runs.pace import BOUNDS
from backfill.runs.record import Run, run_document
from backfill.runs.schedule import ScheduleChanges
from backfill.runs.states import Action
from backfill.runs.window import ALWAYS, EXAMPLE, LONGEST_TEXT
from backfill.wiring import default_pace, schedule_for

router = APIRouter(prefix="/v1", tags=["operate"])
_PROBLEMS = problems(400, 401, 403, 404, 409, 413, 422, 429, 503)


def _bounded(name: str) -> Any:
    low, high = BOUNDS[name]
    return Field(None, ge=low, le=high)


class Remark(BaseModel):
    """Why it is asked for: one line of plain text, kept with the run and in its events."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": {"note": "CHG-1044"}})

    note: str | None = Field(None, max_length=LONGEST_NOTE, pattern=PLAIN)


class PaceOverrides(Remark):
    """What is not given stays as it is, or in a new run as the service's settings say."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": {"pause_ms": 20}})

    parallel: int | None = _bounded("parallel")
    batch_rows: int | None = _bounded("batch_rows")
    target_ms: int | None = _bounded("target_ms")
    pause_ms: int | None = _bounded("pause_ms")
    rows_per_second: int | None = _bounded("rows_per_second")
    mode: Literal["autopilot", "fixed"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _whole_numbers(cls, given: object) -> object:
        # JSON knows numbers only: 2.0 is as whole as 2.
        if not isinstance(given, dict):
            return given
        return {name: int(x) if isinstance(x, float) and x.is_integer() else x for name, x in given.items()}

    window: str | None = Field(None, max_length=LONGEST_TEXT, description=f"such as `{EXAMPLE}`, or `{ALWAYS}`")
    not_before: str | None = Field(None, max_length=40, description="RFC 3339, or `now`", examples=["now"])

    def pace_changes(self) -> dict[str, int | str | None]:
        return self.model_dump(include={*BOUNDS, "mode"})

    @property
    def times(self) -> ScheduleChanges:
        return ScheduleChanges(window=self.window, not_before=self.not_before)


class RunRequest(PaceOverrides):
    """`parameters` are those of the backfill's definition, see GET /v1/backfills."""

    model_config = ConfigDict(json_schema_extra={"example": {"pause_ms": 20, "note": "CHG-1044"}})

    parameters: dict[str, Any] | None = None
    needs_approval: bool = Field(False, description="only propose it: somebody else lets it begin")


@router.post(
    "/backfills/{name}/runs",
    status_code=202,
    summary="Start a run; with a key seen before, the same run",
    response_model=documents.Run,
    responses=_PROBLEMS,
)
async def start_run(  # noqa: PLR0913, PLR0917 - each is a part of the request
    request: Request,
    service: OpenService,
    caller: Operator,
    name: BackfillName,
    overrides: RunRequest | None = None,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> JSONResponse:
    asked = overrides or RunRequest()
    pace = default_pace(service.settings, asked.mode).with_changes(asked.pace_changes())
    run, is_new = await service.control.enqueue(
        name,
        pace,
        requested_by=caller.name,
        idempotency_key=idempotency_key,
        note=asked.note,
        parameters=asked.parameters,
        needs_approval=asked.needs_approval or service.settings.require_approval,
        schedule=schedule_for(service.settings, asked.times),
    )
    if is_new:
        audit(request, caller, "enqueue", run.id)
    return _accepted(run)


@router.patch(
    "/runs/{run_id}",
    summary="Change the pace of a run, and when it works",
    response_model=documents.Run,
    responses=_PROBLEMS,
)
async def change_pace(
    request: Request, service: OpenService, caller: Operator, run_id: RunId, changes: PaceOverrides
) -> JSONResponse:
    asked = Changes(pace=changes.pace_changes(), times=changes.times)
    run = await service.control.change(run_id, asked, who=caller.name, note=changes.note)
    audit(request, caller, "set", run.id)
    return JSONResponse(run_document(run), headers=retry_after(run))


def _add_action(action: Action, summary: str) -> None:
    async def act(
        request: Request, service: OpenService, caller: Operator, run_id: RunId, remark: Remark | None = None
    ) -> JSONResponse:
        note = remark.note if remark else None
        run = await service.control.act(run_id, action, who=caller.name, note=note)
        audit(request, caller, action, run.id)
        return _accepted(run)

    router.add_api_route(
        f"/runs/{{run_id}}/{action}",
        act,
        methods=["POST"],
        name=f"{action}_run",
        status_code=202,
        summary=summary,
        response_model=documents.Run,
        responses=_PROBLEMS,
    )


_add_action(Action.APPROVE, "Let a proposed run begin; whoever asked for it cannot")
_add_action(Action.PAUSE, "Let it rest after the batches in flight")
_add_action(Action.RESUME, "Let a paused run go on from its cursors, without its quarantined units")
_add_action(Action.CANCEL, "End it after the batches in flight")
_add_action(Action.RETRY, "Take up the quarantined units of a failed or paused run")


def _accepted(run: Run) -> JSONResponse:
    headers = {"Location": f"/v1/runs/{run.id}", **retry_after(run)}
    return JSONResponse(run_document(run), status_code=202, headers=headers)
