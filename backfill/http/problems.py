"""Every error leaves as `application/problem+json` (RFC 9457), whoever raised it: us, the framework or a bug. A browser
that was sent to the address by a person gets the same as a page.

An operator's error brings its slug and its status with it, so what the API says agrees with the CLI's exit code
and the log. What is wrong with a request is told by the field's place and never by repeating its value.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import compile_path

from backfill.http.headers import RETRY_UNAVAILABLE_SECONDS, SECURITY_HEADERS
from backfill.http.pages.refusals import Refusal, refusal_page, takes_pages
from backfill.http.request_log import id_header
from backfill.runs.errors import (
    ActiveRunExists,
    IdempotencyConflict,
    InsufficientScope,
    InvalidParameters,
    OperatorError,
    Unauthenticated,
    UsageError,
    WrongState,
)

MEDIA_TYPE = "application/problem+json"

# Named here because Python 3.13 renamed it, and a slug never changes.
_SLUGS = {413: "content-too-large"}
_HINTS = {
    404: "There is nothing at this address. Begin at /, or at the list of addresses in /openapi.json.",
    405: "This address does not take that method. The header Allow names those that it takes.",
    413: "The request's body is too large. A run needs at most a few numbers.",
}


def problem(  # noqa: PLR0913 - the members of a problem document
    request: Request,
    slug: str,
    status: int,
    detail: str,
    *,
    more: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document, or its page; `more` are its extension members."""
    if takes_pages(request):
        run_id = (more or {}).get("run")
        return refusal_page(Refusal(slug=slug, http_status=status, what=detail, run_id=run_id), headers or {})
    document = {
        "type": f"/problems/{slug}",
        "title": slug.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        **(more or {}),
    }
    return JSONResponse(document, status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def install_problems(app: FastAPI) -> None:
    app.add_exception_handler(OperatorError, _operator_error)
    app.add_exception_handler(HTTPException, _framework_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(Exception, _bug)


async def _operator_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, OperatorError):
        raise error
    headers: dict[str, str] = {}
    more: dict[str, Any] = {}
    if isinstance(error, ActiveRunExists | IdempotencyConflict):
        more["run"] = error.run_id
        headers["Location"] = f"/v1/runs/{error.run_id}"
    elif isinstance(error, InvalidParameters):
        places = [f"body.parameters.{one.at}".rstrip(".") for one in error.mistakes]
        more["errors"] = [
            {"at": place, "message": one.message} for place, one in zip(places, error.mistakes, strict=True)
        ]
    elif isinstance(error, WrongState):
        more["actions"] = list(error.actions)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, InsufficientScope):
        headers["WWW-Authenticate"] = 'Bearer error="insufficient_scope", scope="operate"'
    if error.http_status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_UNAVAILABLE_SECONDS)
    return problem(request, error.slug, error.http_status, str(error), more=more, headers=headers)


async def _framework_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (methods := _methods_at(request)):
        error = HTTPException(error.status_code, headers={"Allow": ", ".join(methods)})
    return framework_problem(request, error)


def _methods_at(request: Request) -> list[str]:
    """All that are described for the address: the framework names those of the first route that it finds."""
    paths: Mapping[str, Mapping[str, Any]] = request.app.openapi()["paths"]
    found = [methods for path, methods in paths.items() if compile_path(path)[0].match(request.url.path)]
    return sorted({method.upper() for methods in found for method in methods})


def slug_of(status: int) -> str:
    """What the problem is called that has nothing but a status to be named after."""
    return _SLUGS.get(status) or HTTPStatus(status).phrase.lower().replace(" ", "-")


def framework_problem(request: Request, error: HTTPException) -> Response:
    """The problem for an HTTP status that has no operator's error behind it."""
    detail = _HINTS.get(error.status_code) or f"{error.detail}."
    return problem(request, slug_of(error.status_code), error.status_code, detail, headers=error.headers)


async def _invalid_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    mistakes = [{"at": _place(mistake["loc"]), "message": mistake["msg"]} for mistake in error.errors()]
    detail = "; ".join(f"{mistake['at']}: {mistake['message']}" for mistake in mistakes)
    return problem(request, UsageError.slug, UsageError.http_status, f"{detail}.", more={"errors": mistakes})


async def _bug(request: Request, _error: Exception) -> Response:
    # The traceback goes to the log: the server raises the error again once this answer is sent. The answer passes no
    # middleware, so it brings its headers itself.
    detail = "The service made a mistake. Its log has the details."
    headers = {**SECURITY_HEADERS, **id_header()}
    return problem(request, "internal-error", HTTPStatus.INTERNAL_SERVER_ERROR, detail, headers=headers)


def _place(location: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in location)
