"""How a route comes by the service that its app was made with, and the parameters that several routes share."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Path, Request

from backfill.wiring import Service


def _service_of(request: Request) -> Service:
    return cast("Service", request.app.state.service)


OpenService = Annotated[Service, Depends(_service_of)]
RunId = Annotated[str, Path(min_length=1, max_length=64, description="The run's `id`.")]
BackfillName = Annotated[str, Path(min_length=1, max_length=64, description="As `GET /v1/backfills` lists it.")]
