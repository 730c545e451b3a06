"""/openapi.json: what FastAPI derives from the routes, problems as they are sent, and an example for every answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from backfill.http import documents
from backfill.http.operations import RunRequest
from backfill.http.problems import MEDIA_TYPE
from backfill.http.report_documents import Report

_MODELS = {
    model.__name__: model
    for model in (
        documents.Alive,
        documents.Ready,
        Report,
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
            schemas = document["components"]["schemas"]
            schemas |= _schemas_of_events()
            schemas |= (parameters := _schemas_of_parameters(app.state.service.control.known.schemas()))
            schemas[RunRequest.__name__]["properties"]["parameters"] = _any_of(parameters)
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


def _schemas_of_parameters(schemas: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Any]:
    """A model of its own for each backfill that takes some."""
    found = {f"Parameters-{name}": schema for name, schema in schemas.items() if schema is not None}
    return {name: _inside(schema, f"{_REFERENCE}{name}/$defs/") for name, schema in found.items()}


def _inside(schema: Any, place: str) -> Any:
    """With references that hold where it stands in this document, and not at the root of one."""
    if isinstance(schema, list):
        return [_inside(one, place) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        name: one.replace("#/$defs/", place) if name == "$ref" else _inside(one, place) for name, one in schema.items()
    }


def _any_of(models: Iterable[str]) -> dict[str, Any]:
    none = {"type": "object", "additionalProperties": False, "description": "of a backfill that takes none"}
    described = "those that the backfill of the path takes"
    return {
        "description": described,
        "anyOf": [*({"$ref": f"{_REFERENCE}{name}"} for name in models), none, {"type": "null"}],
    }


def _schemas_of_events() -> dict[str, Any]:
    """The data of live events, which no response of JSON refers to."""
    return {"Event": documents.Event.model_json_schema()}
