"""How a page's route answers a visitor who is not known: it sends them to sign in, and they come back to where they
were."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from backfill.http.pages.refusals import takes_pages
from backfill.runs.errors import Unauthenticated

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """A route that is opened by a person."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def handle_for_browsers(request: Request) -> Response:
            try:
                return await handle(request)
            except Unauthenticated:
                if not takes_pages(request):
                    raise
                return see_other("/login?" + urlencode({"next": _where(request)}))

        return handle_for_browsers


def see_other(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)


def same_site_path(path: str) -> str:
    """`path` where it leads to a page of this service, else `/`.

    Browsers take a backslash for a slash and pass over control characters, so none of them may be in it.
    """
    is_plain = path.isascii() and path.isprintable() and "\\" not in path
    is_ours = path.startswith("/") and not path.startswith("//")
    return path if is_plain and is_ours else "/"


def _where(request: Request) -> str:
    """Where the visitor is to be after signing in: the page that a form was on, not the address it was sent to."""
    if request.method == "GET":
        query = f"?{request.url.query}" if request.url.query else ""
        return request.url.path + query
    run_id = request.path_params.get("run_id")
    return f"/runs/{run_id}" if run_id else "/"
