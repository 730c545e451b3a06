"""`/livez` says that the process answers, and touches nothing; `/readyz` says whether it can do its work.

A supervisor that restarts on a failing liveness check must not restart this service because Postgres is down, so
the two are kept apart.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from backfill.http import documents
from backfill.http.depends import OpenService
from backfill.http.documents import problems
from backfill.http.headers import RETRY_UNAVAILABLE_SECONDS
from backfill.http.problems import problem
from backfill.http.readiness import probe_all

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Does the process answer?", response_model=documents.Alive)
async def livez() -> JSONResponse:
    return JSONResponse({"status": "ok"})


@router.get(
    "/readyz",
    summary="Do Postgres, Redis and the schema allow it to work?",
    response_model=documents.Ready,
    responses=problems(503),
)
async def readyz(request: Request, service: OpenService) -> Response:
    probes = await probe_all(service)
    checks = {probe.name: probe.document() for probe in probes}
    failed = [probe for probe in probes if not probe.ok]
    if not failed:
        return JSONResponse({"status": "ok", "checks": checks})
    return problem(
        request,
        "not-ready",
        503,
        " ".join(probe.message for probe in failed),
        more={"checks": checks},
        headers={"Retry-After": str(RETRY_UNAVAILABLE_SECONDS)},
    )
