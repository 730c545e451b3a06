"""The routes on backfills and runs: a run is a long-running operation that is started, polled and acted on.

Starting answers 202 at once with the address of the run. Polling is cheap: the answer has an ETag, and `Retry-After`
says how soon it is worth asking again; it is gone when the run is done.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from worker.http.depends import OpenService
from worker.runs.pace import BOUNDS
from worker.runs.record import Run, run_document
from worker.runs.states import Action
from worker.wiring import Service, default_pace

REQUESTED_BY = "http"
POLL_AFTER_SECONDS = 1
LARGEST_PAGE = 100

router = APIRouter(prefix="/v1")

RunId = Annotated[str, Path(min_length=1, max_length=64, description="The run's `id`.")]
BackfillName = Annotated[str, Path(min_length=1, max_length=64, description="As `GET /v1/backfills` lists it.")]


def _bounded(name: str) -> Any:
    low, high = BOUNDS[name]
    return Field(None, ge=low, le=high)


class PaceOverrides(BaseModel):
    """What is not given stays as it is, or in a new run as the service's settings say."""

    model_config = ConfigDict(extra="forbid", strict=True)

    parallel: int | None = _bounded("parallel")
    batch_rows: int | None = _bounded("batch_rows")
    target_ms: int | None = _bounded("target_ms")
    pause_ms: int | None = _bounded("pause_ms")
    rows_per_second: int | None = _bounded("rows_per_second")


@router.get("/backfills", summary="The backfills that this service knows, with the rules they are verified by")
async def list_backfills(service: OpenService) -> JSONResponse:
    backfills = [
        {
            "name": name,
            "runs_url": f"/v1/backfills/{name}/runs",
            "rules": [
                {"rule": rule.slug, "title": rule.title, "severity": "error" if rule.is_error else "warning"}
                for rule in backfill.rules
            ],
        }
        for name, backfill in sorted(service.control.backfills.items())
    ]
    return JSONResponse({"backfills": backfills})


@router.post("/backfills/{name}/runs", status_code=202, summary="Start a run; with a key seen before, the same run")
async def start_run(
    service: OpenService,
    name: BackfillName,
    overrides: PaceOverrides | None = None,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> JSONResponse:
    changes = overrides.model_dump() if overrides else {}
    pace = default_pace(service.settings).with_changes(changes)
    run, _is_new = await service.control.enqueue(name, pace, requested_by=REQUESTED_BY, idempotency_key=idempotency_key)
    return _accepted(run)


@router.get("/runs", summary="The newest runs, newest first")
async def list_runs(service: OpenService, page_size: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 20) -> JSONResponse:
    return JSONResponse({"runs": [run_document(run) for run in await service.control.recent(page_size)]})


@router.get("/runs/{run_id}", summary="One run and its progress")
async def get_run(request: Request, service: OpenService, run_id: RunId) -> Response:
    run = await service.control.get(run_id)
    answer = JSONResponse(run_document(run), headers={"Cache-Control": "no-cache", **_retry_after(run)})
    etag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    answer.headers["ETag"] = etag
    if not _is_known(etag, request.headers.get("If-None-Match", "")):
        return answer
    kept = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
    return Response(status_code=304, headers=kept)


@router.patch("/runs/{run_id}", summary="Change the pace of a run while it goes")
async def change_pace(service: OpenService, run_id: RunId, changes: PaceOverrides) -> JSONResponse:
    run = await service.control.set_pace(run_id, changes.model_dump(), who=REQUESTED_BY)
    return JSONResponse(run_document(run), headers=_retry_after(run))


@router.post("/runs/{run_id}/pause", status_code=202, summary="Let it rest after the batches in flight")
async def pause_run(service: OpenService, run_id: RunId) -> JSONResponse:
    return await _act(service, run_id, Action.PAUSE)


@router.post("/runs/{run_id}/resume", status_code=202, summary="Let a paused run go on from its cursors")
async def resume_run(service: OpenService, run_id: RunId) -> JSONResponse:
    return await _act(service, run_id, Action.RESUME)


@router.post("/runs/{run_id}/cancel", status_code=202, summary="End it after the batches in flight")
async def cancel_run(service: OpenService, run_id: RunId) -> JSONResponse:
    return await _act(service, run_id, Action.CANCEL)


@router.post("/runs/{run_id}/retry", status_code=202, summary="Take up the quarantined units of a failed run")
async def retry_run(service: OpenService, run_id: RunId) -> JSONResponse:
    return await _act(service, run_id, Action.RETRY)


async def _act(service: Service, run_id: str, action: Action) -> JSONResponse:
    return _accepted(await service.control.act(run_id, action, who=REQUESTED_BY))


def _accepted(run: Run) -> JSONResponse:
    headers = {"Location": f"/v1/runs/{run.id}", **_retry_after(run)}
    return JSONResponse(run_document(run), status_code=202, headers=headers)


def _retry_after(run: Run) -> dict[str, str]:
    return {} if run.done else {"Retry-After": str(POLL_AFTER_SECONDS)}


def _is_known(etag: str, if_none_match: str) -> bool:
    """Weak comparison, as RFC 9110 wants it here: a proxy that compresses marks the tag with W/."""
    known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in known or etag in known
