"""What the forms of the pages do. Each answers 303 with where to look, so that loading the page again repeats nothing.

A form that is refused shows its page again with the reason, what was typed, and the status that the API would give.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from backfill.engine.steering import Changes
from backfill.http.access import Operator, audit
from backfill.http.depends import OpenService, RunId
from backfill.http.pages.forms import form_of, pace_changes, schedule_changes, schedule_shown
from backfill.http.pages.parameters import given_in
from backfill.http.pages.route import PageRoute, see_other
from backfill.http.pages.routes import Visit, show_run, show_runs
from backfill.runs.errors import OperatorError, UnknownRun
from backfill.runs.pace import Pace
from backfill.runs.schedule import Schedule
from backfill.runs.states import OPERATOR_ACTIONS, Action
from backfill.wiring import Service, default_pace, schedule_for

LONGEST_KEY = 64

router = APIRouter(route_class=PageRoute, include_in_schema=False)


def _asked(service: Service, form: Mapping[str, str]) -> tuple[Pace, Schedule]:
    """The fields show the pace of the settings. What is still as it was shown is left to the mode that was chosen, for
    it may have another rest. Raises UsageError."""
    shown, mode = default_pace(service.settings).document(), form.get("mode")
    changes = {name: value for name, value in pace_changes(form).items() if value != shown[name]}
    times = schedule_changes(form, {"window": service.settings.window, "not_before": ""})
    return default_pace(service.settings, mode).with_changes(changes), schedule_for(service.settings, times)


@router.post("/start")
async def start(request: Request, service: OpenService, caller: Operator) -> Response:
    form = await form_of(request)
    try:
        pace, schedule = _asked(service, form)
        key = form.get("key", "")[:LONGEST_KEY] or None
        name = form.get("backfill", "")
        given = given_in(form, service.control.known.contracts.get(name))
        run, is_new = await service.control.enqueue(
            name,
            pace,
            requested_by=caller.name,
            idempotency_key=key,
            note=form.get("note"),
            parameters=given,
            schedule=schedule,
            needs_approval=bool(form.get("needs_approval")) or service.settings.require_approval,
        )
    except OperatorError as error:
        visit = Visit(request=request, service=service, caller=caller, error=error, typed=form)
        return await show_runs(visit)
    if is_new:
        audit(request, caller, "enqueue", run.id)
    return see_other(f"/runs/{run.id}")


@router.post("/runs/{run_id}/pace")
async def change_pace(request: Request, service: OpenService, caller: Operator, run_id: RunId) -> Response:
    form = await form_of(request)
    try:
        run = await service.control.get(run_id)
        times = schedule_changes(form, schedule_shown(run.schedule, run.seen_ms))
        changes = Changes(pace={**pace_changes(form), "mode": form.get("mode")}, times=times)
        await service.control.change(run_id, changes, who=caller.name, note=form.get("note"))
    except UnknownRun:
        raise  # there is no page to show it on
    except OperatorError as error:
        visit = Visit(request=request, service=service, caller=caller, error=error, typed=form)
        return await show_run(visit, run_id)
    audit(request, caller, "set", run_id)
    return see_other(f"/runs/{run_id}")


@router.post("/runs/{run_id}/{action}")
async def act(request: Request, service: OpenService, caller: Operator, run_id: RunId, action: str) -> Response:
    if action not in OPERATOR_ACTIONS:
        raise HTTPException(404)
    form = await form_of(request)
    try:
        await service.control.act(run_id, Action(action), who=caller.name, note=form.get("note"))
    except UnknownRun:
        raise
    except OperatorError as error:
        visit = Visit(request=request, service=service, caller=caller, error=error, typed=form)
        return await show_run(visit, run_id)
    audit(request, caller, action, run_id)
    return see_other(f"/runs/{run_id}")
