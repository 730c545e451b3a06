"""The pages that can be looked at: the runs, one run, what a problem means, and the files they load.

GET changes nothing. Only the page of a problem and the files are there for everybody.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from worker.http.access import COOKIE, Caller, Reader
from worker.http.depends import OpenService, RunId
from worker.http.pages.meanings import MEANINGS, title_of
from worker.http.pages.rendering import MEDIA_TYPES, asset, page
from worker.http.pages.route import PageRoute, see_other
from worker.http.pages.views import UNITS_SHOWN, view_of
from worker.http.paging import dump_page_token, load_page_token
from worker.runs.errors import OperatorError
from worker.runs.pace import BOUNDS, Pace
from worker.wiring import Service, default_pace

RUNS_ON_A_PAGE = 20
FOR_EVER = "public, max-age=31536000, immutable"

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/")
async def runs_page(request: Request, service: OpenService, caller: Reader, page_token: str | None = None) -> Response:
    return await show_runs(Visit(request=request, service=service, caller=caller), page_token)


@router.get("/runs/{run_id}")
async def run_page(request: Request, service: OpenService, caller: Reader, run_id: RunId) -> Response:
    return await show_run(Visit(request=request, service=service, caller=caller), run_id)


@router.get("/runs/{run_id}/{action}")
async def back_to_run(caller: Reader, run_id: RunId, action: str) -> Response:  # noqa: ARG001 - declared by the path
    """Where a browser goes that loads the answer to a form by its address."""
    return see_other(f"/runs/{run_id}")


@router.get("/problems/{slug}")
async def problem_page(slug: str) -> Response:
    if slug not in MEANINGS:
        raise HTTPException(404)
    return page("problem.html", title=title_of(slug), meaning=MEANINGS[slug])


@router.get("/static/{name}")
async def static_file(name: str) -> Response:
    if name not in MEDIA_TYPES:
        raise HTTPException(404)
    return Response(asset(name), media_type=MEDIA_TYPES[name], headers={"Cache-Control": FOR_EVER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who looks, and where this is the answer to a form that was refused: why, and what was typed."""

    request: Request
    service: Service
    caller: Caller
    error: OperatorError | None = None
    typed: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return self.error.http_status if self.error else 200

    def values(self, pace: Pace) -> dict[str, Any]:
        """What every page with a form needs."""
        return {
            "caller": self.caller,
            "signed_in": bool(self.request.app.state.tokens) and COOKIE in self.request.cookies,
            "error": self.error,
            "bounds": BOUNDS,
            "pace": {**pace.document(), **self.typed},
        }


async def show_runs(visit: Visit, page_token: str | None = None) -> Response:
    """Raises UnknownPageToken."""
    control = visit.service.control
    after = load_page_token(page_token) if page_token else None
    runs, is_more = await control.page(RUNS_ON_A_PAGE, after=after)
    views = [view_of(run) for run in runs]
    return page(
        "index.html",
        visit.status,
        **visit.values(default_pace(visit.service.settings)),
        views=views,
        moving=any(not view.at_rest for view in views),
        address=_list_from(page_token),
        next_page=_list_from(dump_page_token(runs[-1].id)) if is_more else None,
        backfills=sorted(control.backfills.values(), key=lambda backfill: backfill.name),
        key=f"page-{secrets.token_hex(8)}",
    )


def _list_from(page_token: str | None) -> str:
    return f"/?page_token={page_token}" if page_token else "/"


async def show_run(visit: Visit, run_id: RunId) -> Response:
    """Raises UnknownRun."""
    control = visit.service.control
    run = await control.get(run_id)
    view = view_of(run, await control.events(run_id))
    return page(
        "run.html",
        visit.status,
        **visit.values(run.pace),
        view=view,
        samples=view.chart.samples if view.chart else [],
        shown=UNITS_SHOWN,
    )
