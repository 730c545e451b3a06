"""`GET /v1/runs/{id}/events`: what happens to a run, as it happens, as server-sent events."""

from __future__ import annotations

import asyncio
from typing import Annotated

import structlog
from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from backfill.http.access import Reader
from backfill.http.depends import RunId
from backfill.http.documents import problems
from backfill.http.live import LiveRuns, Stream

SEND_WITHIN_SECONDS = 10.0
DESCRIPTION = """\
`snapshot` first (the run, as `GET /v1/runs/{run_id}` has it), then `change` (an `Event`, with its id) and `progress`
(the run, also when its `attention` changes: no worker is alive any more, or one is again), at last `end` when the run
is at rest; `late` (type and detail of a problem) when the run cannot be looked at, until the next `progress`; comments
in between keep the connection open. A client that comes back with `Last-Event-ID` gets the changes that it missed; 204
says that there will be none."""
EXAMPLE = """\
event: change
data: {"id": "1773480413589-0", "at": "2026-03-14T09:26:53.589Z", "kind": "state", \
"sentence": "Running. A worker claimed the first slice.", "about": {"state": "running"}}
id: 1773480413589-0

"""

router = APIRouter(prefix="/v1", tags=["read"])
log = structlog.get_logger(__name__)


class _LiveResponse(StreamingResponse):
    """Gives the stream back whatever happens, and ends it when the client has taken nothing for a while."""

    media_type = "text/event-stream"

    def __init__(self, live: LiveRuns, stream: Stream) -> None:
        super().__init__(stream.messages(), headers={"X-Accel-Buffering": "no"})
        self._live = live
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._live.leave(self._stream)

    async def stream_response(self, send: Send) -> None:
        async def send_soon(message: Message) -> None:
            async with asyncio.timeout(SEND_WITHIN_SECONDS):
                await send(message)

        try:
            await super().stream_response(send_soon)
        except TimeoutError:
            log.warning("slow reader dropped")


@router.get(
    "/runs/{run_id}/events",
    summary="What happens to a run, live",
    description=DESCRIPTION,
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE}}},
        204: {"description": "The run is at rest and the client has seen all of it"},
        **problems(401, 404, 422, 429, 503),
    },
)
async def follow_run(
    request: Request,
    _caller: Reader,
    run_id: RunId,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> Response:
    live: LiveRuns = request.app.state.live
    stream = await live.subscribe(run_id, last_event_id)
    return Response(status_code=204) if stream is None else _LiveResponse(live, stream)
