"""The pages that can be looked at: the runs, one run, what a problem means, and the files they load.

GET changes nothing. Only the page of a problem and the files are there for everybody.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from backfill.http.access import COOKIE, Caller, Reader
from backfill.http.depends import OpenService, RunId
from backfill.http.pages.autopilot import autopilot_of
from backfill.http.pages.forms import schedule_shown
from backfill.http.pages.gathering import GROUPS_SHOWN, UNITS_SHOWN
from backfill.http.pages.meanings import MEANINGS, title_of
from backfill.http.pages.parameters import Field, fields_of
from backfill.http.pages.rendering import MEDIA_TYPES, asset, page
from backfill.http.pages.route import PageRoute, see_other
from backfill.http.pages.views import view_of
from backfill.http.pages.workers import worker_view_of
from backfill.http.paging import dump_page_token, load_page_token
from backfill.runs.approval import same_person
from backfill.runs.directive import Sighting
from backfill.runs.errors import OperatorError
from backfill.runs.pace import BOUNDS, MODES, Pace
from backfill.runs.record import Run
from backfill.runs.states import State
from backfill.shipped import start_a_worker
from backfill.store.board import Published, RedisBoard
from backfill.wiring import Service, default_pace

RUNS_ON_A_PAGE = 20
# The store keeps about a thousand of a run, and gives the oldest first.
EVENTS_READ = 2_000
FOR_EVER = "public, max-age=31536000, immutable"

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/")
async def runs_page(
    request: Request,
    service: OpenService,
    caller: Reader,
    page_token: str | None = None,
    state: Annotated[State | None, Query()] = None,
) -> Response:
    return await show_runs(Visit(request=request, service=service, caller=caller), page_token, state)


@router.get("/workers")
async def workers_page(request: Request, service: OpenService, caller: Reader) -> Response:
    return await show_workers(Visit(request=request, service=service, caller=caller))


@router.get("/runs/{run_id}")
async def run_page(request: Request, service: OpenService, caller: Reader, run_id: RunId) -> Response:
    return await show_run(Visit(request=request, service=service, caller=caller), run_id)


@router.get("/runs/{run_id}/{action}")
async def back_to_run(caller: Reader, run_id: RunId, action: str) -> Response:  # noqa: ARG001 - declared by the path
    """Where a browser goes that loads the answer to a form by its address."""
    return see_other(f"/runs/{run_id}")


@router.get("/start")
async def back_to_runs(caller: Reader) -> Response:  # noqa: ARG001 - whoever may not look is sent to sign in first
    return see_other("/")


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

    def parameter_fields(self, name: str, schema: Mapping[str, Any] | None) -> tuple[Field, ...]:
        """Of the form of that backfill; what was typed, and what is wrong with it, is in the form that was sent."""
        was_sent = self.typed.get("backfill") == name
        return fields_of(schema, self.typed, self.error) if was_sent else fields_of(schema, {}, None)

    def values(self, pace: Pace, times: Mapping[str, str]) -> dict[str, Any]:
        """What every page with a form needs."""
        settings = self.service.settings
        return {
            "caller": self.caller,
            "signed_in": bool(self.request.app.state.tokens) and COOKIE in self.request.cookies,
            "error": self.error,
            "bounds": BOUNDS,
            "pace": {**pace.document(), **self.typed},
            "modes": MODES,
            "times": {name: self.typed.get(name, value) for name, value in times.items()},
            "note": self.typed.get("note", ""),
            "needs_approval": {"asked": "needs_approval" in self.typed, "always": settings.require_approval},
            # A button that is clicked twice starts one run.
            "key": f"page-{secrets.token_hex(8)}",
        }


async def show_workers(visit: Visit) -> Response:
    """Who is alive; and where that is nobody, which runs wait for somebody."""
    control = visit.service.control
    active = [run_id for name in control.backfills if (run_id := await control.active(name))]
    waiting = [view_of(await control.get(run_id)) for run_id in active]
    workers = await control.workers()
    return page(
        "workers.html",
        **visit.values(default_pace(visit.service.settings), {}),
        workers=[worker_view_of(worker) for worker in workers],
        waiting=[view for view in waiting if view.attention],
        start_a_worker=start_a_worker(),
    )


async def show_runs(visit: Visit, page_token: str | None = None, state: State | None = None) -> Response:
    """Raises UnknownPageToken."""
    control = visit.service.control
    after = load_page_token(page_token) if page_token else None
    runs, is_more = await control.page(RUNS_ON_A_PAGE, after=after, wanted=lambda run: state in (None, run.state))
    views = [view_of(run) for run in runs]
    return page(
        "index.html",
        visit.status,
        **visit.values(
            default_pace(visit.service.settings), {"window": visit.service.settings.window, "not_before": ""}
        ),
        views=views,
        moving=any(not view.at_rest for view in views),
        states=[state.value for state in State],
        chosen=state,
        address=_list_from(page_token, state),
        next_page=_list_from(dump_page_token(runs[-1].id), state) if is_more else None,
        backfills=sorted(control.backfills.values(), key=lambda backfill: backfill.name),
        active={name: await control.active(name) for name in control.backfills},
        parameters={name: visit.parameter_fields(name, schema) for name, schema in control.known.schemas().items()},
    )


def _list_from(page_token: str | None, state: State | None) -> str:
    query = {name: value for name, value in (("state", state), ("page_token", page_token)) if value}
    return f"/?{urlencode(query)}" if query else "/"


async def _seen(service: Service, run: Run) -> tuple[Published, tuple[Sighting, ...]]:
    """Of the run's server, since the run was made: what was seen before is another one's."""
    board = RedisBoard(service.redis, prefix=service.settings.redis_prefix, database=run.terms.database)
    return await board.read(), tuple(one for one in await board.history() if one.at_ms >= run.created_ms)


async def show_run(visit: Visit, run_id: RunId) -> Response:
    """Raises UnknownRun."""
    control = visit.service.control
    run = await control.get(run_id)
    view = view_of(run, await control.store.events(run_id, limit=EVENTS_READ))
    backfill = control.backfills.get(run.backfill)
    return page(
        "run.html",
        visit.status,
        **visit.values(run.pace, schedule_shown(run.schedule, run.seen_ms)),
        view=view,
        samples=view.chart.samples if view.chart else [],
        rules={rule.slug: rule.title for rule in backfill.rules} if backfill else {},
        active=await control.active(run.backfill) if run.done else None,
        is_own=same_person(run.requested_by, visit.caller.name),
        autopilot=autopilot_of(run, *await _seen(visit.service, run)),
        shown=UNITS_SHOWN,
        groups_shown=GROUPS_SHOWN,
    )
