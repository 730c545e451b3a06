"""So many requests a minute from one caller, by its token's name or else by its address.

Counted in this process: it keeps one client from taking the service away from the others, it is no accounting.
"""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from backfill.http.problems import problem
from backfill.http.tokens import TokenBook
from backfill.runs.wording import counted

# A supervisor must not be turned away, whatever else comes from its address.
NOT_COUNTED = frozenset({"/livez", "/readyz"})


class RateLimit:
    def __init__(self, app: ASGIApp, *, per_minute: int, tokens: TokenBook) -> None:
        self._app = app
        self._tokens = tokens
        self._limit = RateLimitItemPerMinute(per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in NOT_COUNTED:
            await self._app(scope, receive, send)
            return
        caller = self._caller(scope)
        if self._limiter.hit(self._limit, caller):
            await self._app(scope, receive, send)
            return
        reset_time = self._limiter.get_window_stats(self._limit, caller).reset_time
        refusal = problem(
            Request(scope),
            "too-many-requests",
            429,
            f"More than {counted(self._limit.amount, 'request')} in a minute. Ask less often; "
            "live events need one request only.",
            headers={"Retry-After": str(max(1, math.ceil(reset_time - time.time())))},
        )
        await refusal(scope, receive, send)

    def _caller(self, scope: Scope) -> str:
        scheme, _, secret = Headers(scope=scope).get("authorization", "").partition(" ")
        token = self._tokens.find(secret.strip()) if scheme.lower() == "bearer" else None
        if token is not None:
            return f"token {token.name}"
        client = scope.get("client")
        return f"address {client[0] if client else ''}"
