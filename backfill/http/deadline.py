"""Every request is answered within three seconds, also while a server that it needs stands still.

A request that takes long is no reason to refuse it: a list may be long. So after a while both servers are asked a short
question. While they answer, the request has all the time that it takes; when one of them does not, it is refused with
the name of that one. The work in flight is broken off, and nobody waits for its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backfill.http.headers import RETRY_UNAVAILABLE_SECONDS
from backfill.http.patience import abandon
from backfill.http.problems import problem
from backfill.http.readiness import Probe, probe_servers
from backfill.runs.errors import DatabaseUnreachable, RedisUnreachable, Unreachable
from backfill.wiring import Service

# Together less than the three seconds.
PATIENCE_SECONDS = 0.8
PROBE_SECONDS = 1.4
CONNECT_SECONDS = 2.0
# They ask nobody, or ask for themselves.
NOT_BOUNDED = frozenset({"/livez", "/readyz"})

_SLUGS = {"postgres": DatabaseUnreachable.slug, "redis": RedisUnreachable.slug}
_CHANGES_NOTHING = frozenset({"GET", "HEAD", "OPTIONS"})


class Deadline:
    def __init__(self, app: ASGIApp, *, service: Service) -> None:
        self._app = app
        self._service = service
        self._looking: asyncio.Task[tuple[Probe, ...]] | None = None
        connect_soon(service.engine)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in NOT_BOUNDED:
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        working = asyncio.ensure_future(self._app(scope, receive, answer.send))
        try:
            while not await _any_of(working, answer.begun, seconds=PATIENCE_SECONDS):
                looking = self._look()
                await _any_of(working, answer.begun, looking)
                silent = [probe for probe in looking.result() if not probe.ok] if looking.done() else []
                if silent and not working.done() and not answer.begun.done():
                    answer.is_dropped = True
                    await _refusal(Request(scope), silent)(scope, receive, send)
                    return
            await working
        finally:
            if not working.done():
                abandon(working)

    def _look(self) -> asyncio.Task[tuple[Probe, ...]]:
        """One look for all requests that wait at the same time."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(probe_servers(self._service, PROBE_SECONDS), name="deadline")
        return self._looking


class _Answer:
    """What the app sends, on its way to the client, until it is dropped."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_dropped = False

    async def send(self, message: Message) -> None:
        if self.is_dropped:
            return
        if not self.begun.done():
            self.begun.set_result(None)
        await self._send(message)


def connect_soon(engine: AsyncEngine) -> None:
    """No new connection takes longer than a request may, whatever the URL allows others."""

    def bound(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        parameters["timeout"] = min(parameters.get("timeout") or CONNECT_SECONDS, CONNECT_SECONDS)

    event.listen(engine.sync_engine, "do_connect", bound)


async def _any_of(*futures: asyncio.Future[Any], seconds: float | None = None) -> bool:
    done, _ = await asyncio.wait(futures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)


def _refusal(request: Request, silent: Sequence[Probe]) -> Response:
    detail = " ".join(probe.message for probe in silent)
    if request.method not in _CHANGES_NOTHING:
        detail += " It may be done all the same when the server goes on: look before you ask again."
    slug = _SLUGS.get(silent[0].name, Unreachable.slug) if len(silent) == 1 else Unreachable.slug
    return problem(request, slug, 503, detail, headers={"Retry-After": str(RETRY_UNAVAILABLE_SECONDS)})
