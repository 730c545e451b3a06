"""The routes that read: backfills, runs and workers.

Polling is cheap: a run's answer has an ETag, and `Retry-After` says how soon it is worth asking again; it is gone when
the run is done.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from backfill.http import documents
from backfill.http.access import Reader
from backfill.http.depends import OpenService, RunId
from backfill.http.documents import problems
from backfill.http.paging import dump_page_token, load_page_token
from backfill.http.report_documents import Report
from backfill.runs.record import Run, run_document
from backfill.runs.states import State
from backfill.runs.terms import FIRST_VERSION
from backfill.runs.workers import worker_document

POLL_AFTER_SECONDS = 1
LARGEST_PAGE = 100

router = APIRouter(prefix="/v1", tags=["read"])


@router.get(
    "/backfills",
    summary="The backfills that this service knows, with the rules they are verified by",
    response_model=documents.Backfills,
    responses=problems(401, 429),
)
async def list_backfills(service: OpenService, _caller: Reader) -> JSONResponse:
    versions, schemas = service.control.known.versions(), service.control.known.schemas()
    backfills = [
        {
            "name": name,
            "version": versions.get(name, FIRST_VERSION),
            "parameters": schemas[name],
            "database": service.control.known.databases.get(name),
            "runs_url": f"/v1/backfills/{name}/runs",
            "rules": [
                {"rule": rule.slug, "title": rule.title, "severity": "error" if rule.is_error else "warning"}
                for rule in backfill.rules
            ],
        }
        for name, backfill in sorted(service.control.backfills.items())
    ]
    return JSONResponse({"backfills": backfills})


@router.get(
    "/workers",
    summary="The workers that are alive, what they serve and what each works on",
    response_model=documents.Workers,
    responses=problems(401, 429, 503),
)
async def list_workers(service: OpenService, _caller: Reader) -> JSONResponse:
    return JSONResponse({"workers": [worker_document(worker) for worker in await service.control.workers()]})


@router.get(
    "/runs",
    summary="Runs, newest first",
    response_model=documents.Runs,
    responses=problems(400, 401, 422, 429, 503),
)
async def list_runs(
    service: OpenService,
    _caller: Reader,
    page_size: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 20,
    page_token: Annotated[str | None, Query(max_length=200, description="`next_page_token` of the page before")] = None,
    state: Annotated[State | None, Query(description="Only runs in this state")] = None,
    backfill: Annotated[str | None, Query(max_length=64, description="Only runs of this backfill")] = None,
) -> JSONResponse:
    def wanted(run: Run) -> bool:
        return state in (None, run.state) and backfill in (None, run.backfill)

    after = load_page_token(page_token) if page_token is not None else None
    found, is_more = await service.control.page(page_size, after=after, wanted=wanted)
    next_page_token = dump_page_token(found[-1].id) if is_more else None
    return JSONResponse({"runs": [run_document(run) for run in found], "next_page_token": next_page_token})


@router.get(
    "/runs/{run_id}",
    summary="One run and its progress",
    response_model=documents.Run,
    responses={304: {"description": "It is as If-None-Match has it"}, **problems(401, 404, 422, 429, 503)},
)
async def get_run(request: Request, service: OpenService, _caller: Reader, run_id: RunId) -> Response:
    run = await service.control.get(run_id)
    answer = JSONResponse(run_document(run), headers={"Cache-Control": "no-cache", **retry_after(run)})
    etag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    answer.headers["ETag"] = etag
    if not _is_known(etag, request.headers.get("If-None-Match", "")):
        return answer
    kept = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
    return Response(status_code=304, headers=kept)


@router.get(
    "/runs/{run_id}/report",
    summary="What a run did, range by range, and the proof that its ranges left nothing out",
    response_model=Report,
    responses=problems(401, 404, 422, 429, 503),
)
async def get_report(service: OpenService, _caller: Reader, run_id: RunId) -> JSONResponse:
    report = await service.control.report(run_id)
    name = f"backfill-{report['run']['backfill']}-{report['run']['id']}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-cache"}
    return JSONResponse(report, headers=headers)


def retry_after(run: Run) -> dict[str, str]:
    return {} if run.done else {"Retry-After": str(POLL_AFTER_SECONDS)}


def _is_known(etag: str, if_none_match: str) -> bool:
    """Weak comparison, as RFC 9110 wants it here: a proxy that compresses marks the tag with W/."""
    known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in known or etag in known
