"""Turns templates into responses that a browser trusts with nothing but this service's own files.

Every value is escaped, a name that a template misspells is an error, and no page has a style or a script of its own:
what comes from the database or from a caller can be shown, but never run.
"""

from __future__ import annotations

import hashlib
from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from backfill.cli.output import duration, number
from backfill.http.headers import RETRY_UNAVAILABLE_SECONDS
from backfill.runs.wording import counted

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    # Under `no-referrer` browsers send `Origin: null` with a form, and that is what a foreign page would send.
    "Referrer-Policy": "same-origin",
}
MEDIA_TYPES = {
    "dashboard.css": "text/css",
    "dashboard.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """The response that shows `template`; every page can say who looks at it, and an error."""
    always = {"caller": None, "signed_in": False, "error": None}
    text = _environment().get_template(template).render(always | values)
    soon = {"Retry-After": str(RETRY_UNAVAILABLE_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return HTMLResponse(text, status_code=status, headers=PAGE_HEADERS | soon)


@cache
def asset(name: str) -> bytes:
    """A file that the pages load. Raises KeyError for any other name."""
    if name not in MEDIA_TYPES:
        raise KeyError(name)
    return resources.files(__package__).joinpath("static", name).read_bytes()


@cache
def asset_url(name: str) -> str:
    """Its address, which changes with its content, so that browsers may keep it for ever."""
    return f"/static/{name}?v={hashlib.sha256(asset(name)).hexdigest()[:12]}"


def clock(timestamp: str) -> str:
    """`2026-11-22 14:03:07` of an RFC 3339 timestamp in UTC."""
    return timestamp.replace("T", " ")[:19]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset_url"] = asset_url
    environment.filters.update(number=number, counted=counted, duration=duration, clock=clock)
    return environment
