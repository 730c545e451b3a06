"""How a route comes by the service that its app was made with."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from worker.wiring import Service


def _service_of(request: Request) -> Service:
    return cast("Service", request.app.state.service)


OpenService = Annotated[Service, Depends(_service_of)]
