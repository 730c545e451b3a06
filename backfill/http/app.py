"""Puts the HTTP service together: routes, guards, and problems for everything that can go wrong.

The app holds a service that somebody else opened and will close; it keeps no state of its own, so any number of
apps can exist side by side, as they do in tests.
"""

from __future__ import annotations

from collections.abc import Collection

from fastapi import FastAPI

from backfill.http import events, health, metrics, operations, pages, runs
from backfill.http.deadline import Deadline
from backfill.http.description import describe_with
from backfill.http.guards import LOOPBACK_NAMES, BodyLimit, SameSite
from backfill.http.headers import SecurityHeaders
from backfill.http.live import LiveRuns
from backfill.http.problems import install_problems
from backfill.http.rate_limit import RateLimit
from backfill.http.request_log import RequestLog
from backfill.http.tokens import TokenBook
from backfill.wiring import Service

LARGEST_BODY_BYTES = 64 * 1024
DESCRIPTION = """\
A run is a long-running operation: start it, poll it or follow its events, and pause, resume, cancel or retry it.
Every error is a problem document (RFC 9457) whose `type` is an address that says what to do."""


def create_app(
    service: Service, *, names: Collection[str] | None = LOOPBACK_NAMES, tokens: TokenBook | None = None
) -> FastAPI:
    """The ASGI app over an open service. `names` are the host names that it answers to, None: any."""
    app = FastAPI(
        title=service.settings.title,
        summary="Start, watch and steer online backfills.",
        description=DESCRIPTION,
        version="1",
        docs_url=None,  # both pages load scripts from other sites
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.state.tokens = tokens or TokenBook()
    app.state.live = LiveRuns(service.control, most_streams=service.settings.http_streams)
    for router in (health.router, metrics.router, runs.router, operations.router, events.router, pages.router):
        app.include_router(router)
    app.openapi = describe_with(app)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    app.add_middleware(BodyLimit, most_bytes=LARGEST_BODY_BYTES)
    app.add_middleware(RateLimit, per_minute=service.settings.http_requests_per_minute, tokens=app.state.tokens)
    app.add_middleware(Deadline, service=service)
    app.add_middleware(SameSite, names=names)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestLog)
    install_problems(app)
    return app
