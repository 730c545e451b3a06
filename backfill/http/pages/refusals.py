"""A problem as a page: what went wrong, what it means and what to do, for whoever came with a browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from backfill.http.pages.meanings import MEANINGS, title_of
from backfill.http.pages.rendering import PAGE_HEADERS, page


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """`what` has the whole detail of the problem; `run_id` is the run that is in the way."""

    slug: str
    http_status: int
    what: str
    remedy: str = ""
    run_id: str | None = None


def takes_pages(request: Request) -> bool:
    """Browsers name HTML for what a person opens; programs, the page's own script among them, name JSON or nothing."""
    accepted = request.headers.get("Accept", "")
    return "text/html" in accepted and "json" not in accepted


def refusal_page(refusal: Refusal, headers: Mapping[str, str]) -> Response:
    answer = page(
        "problem.html",
        refusal.http_status,
        title=title_of(refusal.slug),
        meaning=MEANINGS.get(refusal.slug),
        error=refusal,
    )
    # Where the answer passes no middleware it brings the headers of every answer; a page's own go before them.
    answer.headers.update({**headers, **PAGE_HEADERS})
    return answer
