"""Puts the HTTP service together: routes, guards, and problems for everything that can go wrong.

The app holds a service that somebody else opened and will close; it keeps no state of its own, so any number of
apps can exist side by side, as they do in tests.
"""

from __future__ import annotations

from collections.abc import Collection

from fastapi import FastAPI

from worker.http import health, runs
from worker.http.guards import LOOPBACK_NAMES, BodyLimit, SameSite
from worker.http.headers import SecurityHeaders
from worker.http.problems import install_problems
from worker.wiring import Service

LARGEST_BODY_BYTES = 64 * 1024


def create_app(service: Service, *, names: Collection[str] = LOOPBACK_NAMES) -> FastAPI:
    """The ASGI app over an open service. `names` are the host names that it answers to."""
    app = FastAPI(
        title="CodeBeGen backfill",
        summary="Start, watch and steer online backfills.",
        version="1",
        docs_url=None,  # both pages load scripts from other sites
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.include_router(health.router)
    app.include_router(runs.router)
    app.add_middleware(BodyLimit, most_bytes=LARGEST_BODY_BYTES)
    app.add_middleware(SameSite, names=names)
    app.add_middleware(SecurityHeaders)
    install_problems(app)
    return app
