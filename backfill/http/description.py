"""/openapi.json: what FastAPI derives from the routes, problems as they are sent, and an example for every answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from backfill.http import documents
from backfill.http.problems import MEDIA_TYPE

_MODELS = {
    model.__name__: model
    for model in (
        documents.Alive,
        documents.Ready,
        documents.Backfills,
        documents.Run,
        documents.Runs,
        documents.Workers,
    )
}
_REFERENCE = "#/components/schemas/"


def describe_with(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """A replacement for `app.openapi`; made once, when it is first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
            )
            for status, response in _responses(document):
                _complete(status, response)
            document["components"]["schemas"] |= _schemas_of_events()
            app.openapi_schema = document
        return app.openapi_schema

    return openapi


def _responses(document: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                yield int(status), response


def _complete(status: int, response: dict[str, Any]) -> None:
    content = response.get("content", {})
    if status >= 400 and "application/json" in content:
        content[MEDIA_TYPE] = content.pop("application/json")
    for media in content.values():
        name = media.get("schema", {}).get("$ref", "").removeprefix(_REFERENCE)
        if name == documents.Problem.__name__:
            media["example"] = documents.example_problem(status)
        elif name in _MODELS:
            media["example"] = documents.example_of(_MODELS[name])


def _schemas_of_events() -> dict[str, Any]:
    """The data of live events, which no response of JSON refers to."""
    return {"Event": documents.Event.model_json_schema()}
