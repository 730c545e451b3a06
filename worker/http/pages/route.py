"""How a page's route answers an error: with a page too, where a browser asked for one.

A visitor who is not known is sent to sign in and comes back to where they were.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from worker.http.pages.meanings import MEANINGS, title_of
from worker.http.pages.rendering import page
from worker.runs.errors import OperatorError, Unauthenticated

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a template shows of an error that is not an operator's."""

    slug: str
    http_status: int
    what: str
    remedy: str = ""


class PageRoute(APIRoute):
    """A route whose errors are pages."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def handle_for_browsers(request: Request) -> Response:
            try:
                return await handle(request)
            except (OperatorError, HTTPException, RequestValidationError) as error:
                if not _takes_pages(request):
                    raise
                if isinstance(error, Unauthenticated):
                    return see_other("/login?" + urlencode({"next": _where(request)}))
                return error_page(error)

        return handle_for_browsers


def error_page(error: OperatorError | HTTPException | RequestValidationError) -> Response:
    shown = error if isinstance(error, OperatorError) else _refusal(error)
    headers = getattr(error, "headers", None) or {}
    answer = page(
        "problem.html",
        shown.http_status,
        title=title_of(shown.slug),
        meaning=MEANINGS.get(shown.slug),
        error=shown,
    )
    answer.headers.update(headers)
    return answer


def see_other(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)


def same_site_path(path: str) -> str:
    """`path` where it leads to a page of this service, else `/`.

    Browsers take a backslash for a slash and pass over control characters, so none of them may be in it.
    """
    is_plain = path.isascii() and path.isprintable() and "\\" not in path
    is_ours = path.startswith("/") and not path.startswith("//")
    return path if is_plain and is_ours else "/"


def _refusal(error: HTTPException | RequestValidationError) -> Refusal:
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 422)
    slug = "usage" if status == HTTPStatus.UNPROCESSABLE_ENTITY else status.phrase.lower().replace(" ", "-")
    return Refusal(slug=slug, http_status=status, what=f"{title_of(slug)}.")


def _takes_pages(request: Request) -> bool:
    return "text/html" in request.headers.get("Accept", "")


def _where(request: Request) -> str:
    """Where the visitor is to be after signing in: the page that a form was on, not the address it was sent to."""
    if request.method == "GET":
        query = f"?{request.url.query}" if request.url.query else ""
        return request.url.path + query
    run_id = request.path_params.get("run_id")
    return f"/runs/{run_id}" if run_id else "/"
