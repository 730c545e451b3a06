"""Reads what a browser's form sends; nothing of it is trusted, and none of it is repeated in an error."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request

from backfill.runs.errors import UsageError
from backfill.runs.pace import BOUNDS
from backfill.runs.schedule import Schedule, ScheduleChanges
from backfill.runs.times import timestamp

MEDIA_TYPE = "application/x-www-form-urlencoded"
MOST_FIELDS = 90
MOST_DIGITS = 12


async def form_of(request: Request) -> dict[str, str]:
    """The last value of each field. Raises UsageError, HTTPException 415."""
    body = await request.body()
    if not body:
        return {}
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise HTTPException(415)
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise UsageError("The form cannot be read.", "Load the page again.") from error
    return {name: values[-1] for name, values in fields.items()}


def pace_changes(form: Mapping[str, str]) -> dict[str, int | None]:
    """The parts of the pace that the form has; empty ones are left as they are. Raises UsageError."""
    return {name: _whole(name, form.get(name, "").strip()) for name in BOUNDS}


def schedule_shown(schedule: Schedule, now_ms: int) -> dict[str, str]:
    """As the fields have it; a moment that is over is not shown."""
    after_ms = schedule.not_before_ms or 0
    return {"window": schedule.window, "not_before": timestamp(after_ms)[:16] if after_ms > now_ms else ""}


def schedule_changes(form: Mapping[str, str], shown: Mapping[str, str]) -> ScheduleChanges:
    """What the form has of it that is not as it was shown; an empty field takes away what there was."""
    changed = {name: form[name].strip() for name in shown if name in form and form[name].strip() != shown[name]}
    return ScheduleChanges(**changed)


def _whole(name: str, text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        low, high = BOUNDS[name]
        raise UsageError(f"{name} is not a whole number.", f"Give one from {low} to {high}.")
    return int(text)
