"""What /openapi.json shows as examples: an id, a time, and a problem of each status."""

from __future__ import annotations

RUN_ID = "3f9c1a7be210"
AT = "2026-03-14T09:26:53.589Z"

# Status: what it means, and one of the problems that have it, by slug and detail.
PROBLEMS = {
    400: (
        "The request cannot be read, or the page token is not one of this service's",
        "unknown-page-token",
        "This page token is none of this service's. Take it from next_page_token.",
    ),
    401: (
        "No access token, or one that is not known",
        "unauthenticated",
        "This service wants an access token. Send it: Authorization: Bearer TOKEN.",
    ),
    403: (
        "The token may only read, the approval is of one's own run, or the request comes from a page of another site",
        "insufficient-scope",
        "This token may only read. Use one with the scope operate.",
    ),
    404: (
        "There is no such run or backfill",
        "unknown-run",
        f"There is no run '{RUN_ID}'. List the runs: backfill status --all.",
    ),
    409: (
        "The state does not allow it, or another run is active",
        "wrong-state",
        f"Run {RUN_ID} is cancelling: resume is not possible. Possible now: nothing, until it is at rest.",
    ),
    413: (
        "The body is too large",
        "content-too-large",
        "The request's body is too large. A run needs at most a few numbers.",
    ),
    422: (
        "Something in the request is wrong; every mistake is listed",
        "usage",
        "body.parallel: Input should be less than or equal to 64.",
    ),
    429: (
        "Too many requests of this caller; Retry-After says when to come back",
        "too-many-requests",
        "More than 6000 requests in a minute. Ask less often; live events need one request only.",
    ),
    503: (
        "PostgreSQL, Redis or the schema does not allow it now; Retry-After says when to try again",
        "redis-unreachable",
        "Redis cannot be used: Connection refused. Check REDIS_URL, and that the server runs and may write.",
    ),
}
