"""What stands between the network and the routes: no page of another site, and no body without an end.

Without tokens, being on this machine is the only credential, and a web page open in a browser on this machine has
it too: it can send a POST to a loopback address, or point a name of its own there. So the name that a request was
sent to must be this service's, and a request that a page made must come from a page of this service. With tokens the
name does not matter: a browser sends its cookie to the name that it has it from, and to no other.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backfill.http.problems import framework_problem, problem

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class SameSite:
    """Refuses a request for another host's name, and one that a page of another site made."""

    def __init__(self, app: ASGIApp, *, names: Collection[str] | None) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (reason := self._why_not(Headers(scope=scope))) is None:
            await self._app(scope, receive, send)
            return
        refusal = problem(Request(scope), "foreign-site", 403, reason)
        await refusal(scope, receive, send)

    def _why_not(self, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if self._names is not None and _name(f"//{host}") not in self._names:
            return f"This service answers to {', '.join(sorted(self._names))} only."
        # With or without TLS: where a proxy ends it, this service sees plain HTTP.
        if headers.get("origin", f"http://{host}") not in (f"http://{host}", f"https://{host}"):
            return "Pages of other sites may not use this service."
        return None


class BodyLimit:
    """Refuses a body that says it is larger than `most_bytes`, and stops reading one that turns out to be."""

    def __init__(self, app: ASGIApp, *, most_bytes: int) -> None:
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > self._most_bytes:
            refusal = framework_problem(Request(scope), HTTPException(413))
            await refusal(scope, receive, send)
            return
        await self._app(scope, self._limited(receive), send)

    def _limited(self, receive: Receive) -> Receive:
        received = 0

        async def receive_some() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most_bytes:
                raise HTTPException(413)
            return message

        return receive_some


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
