"""Signing in with a browser: the access token that programs send in a header is kept in a cookie.

The cookie is out of reach of scripts and is not sent with what another site asks for.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from backfill.http.access import COOKIE, identify
from backfill.http.pages.forms import form_of
from backfill.http.pages.rendering import page
from backfill.http.pages.route import PageRoute, same_site_path, see_other
from backfill.runs.errors import Unauthenticated, UsageError

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/login")
async def login_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    if not request.app.state.tokens:
        return see_other(same_site_path(next))
    return page("login.html", next=same_site_path(next))


@router.post("/login")
async def login(request: Request) -> Response:
    form = await form_of(request)
    target = same_site_path(form.get("next", "/"))
    token = form.get("token", "").strip()
    try:
        if not token:
            raise UsageError("There is no token in the form.", "Paste one.")
        identify(request, token)
    except (UsageError, Unauthenticated) as error:
        return page("login.html", error.http_status, next=target, error=error)
    answer = see_other(target)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, token, path="/", httponly=True, samesite="strict", secure=secure)
    return answer


@router.post("/logout")
async def logout(request: Request) -> Response:
    answer = see_other("/login")
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return answer
