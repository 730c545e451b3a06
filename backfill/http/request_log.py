"""One line in the log for each request, and one id in all that is logged while it is answered.

The id is the caller's, if it is one, so that a request can be followed through several programs; it goes back in the
answer. The line has the route and not the address, because a query may hold what no log should, and it is written
when the answer has ended: for a stream that is when the watcher has gone.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from secrets import token_hex
from time import perf_counter
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, get_contextvars, unbind_contextvars

REQUEST_ID = "X-Request-ID"

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,128}")

log = structlog.get_logger(__name__)


class RequestLog:
    """To be the outermost of the app's own layers, so that the answers of all the others have a line and an id too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})  # shared with the layers below, which write down there who calls
        request_id = _id_of(Headers(scope=scope))
        begun = perf_counter()
        status = 500  # what the server answers, if nobody else does

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            log.info("request", **_facts(scope), status=status, ms=round((perf_counter() - begun) * 1000, 1))
        # Not after an error: the server logs its traceback from here on, and that line is to have the id as well.
        unbind_contextvars("request_id")


def id_header() -> dict[str, str]:
    """For an answer that is made outside of all layers, while the request is still this task's."""
    return {REQUEST_ID: str(given)} if (given := get_contextvars().get("request_id")) else {}


def _id_of(headers: Headers) -> str:
    given = headers.get(REQUEST_ID, "")
    return given if _WELL_FORMED.fullmatch(given) else token_hex(16)


def _facts(scope: MutableMapping[str, Any]) -> dict[str, Any]:
    facts = {"method": scope["method"], "route": getattr(scope.get("route"), "path", None)}
    caller = scope["state"].get("caller")
    return facts if caller is None else {**facts, "caller": caller}
