"""Who calls, and whether they may: bearer tokens for programs, the same token in a cookie for the pages.

A route says what it needs by depending on `Reader` or `Operator`; what depends on neither is public, and a test holds
every route against the table of those. Without tokens, whoever reaches the loopback address is the operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from backfill.http.tokens import Scope, TokenBook
from backfill.runs.errors import InsufficientScope, Unauthenticated

COOKIE = "backfill_token"
ANYBODY_HERE = "http"

log = structlog.get_logger(__name__)
_bearer = HTTPBearer(auto_error=False, description="A token made by `backfill token`.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """`name` is what a run's events say of who asked: `http:<token's name>`, or `http` where there are no tokens."""

    name: str
    scope: Scope

    @property
    def may_operate(self) -> bool:
        return self.scope.covers(Scope.OPERATE)


def identify(request: Request, secret: str | None) -> Caller:
    """Raises Unauthenticated."""
    caller = _caller_of(request, secret)
    request.state.caller = caller.name  # for the request's line in the log
    return caller


def _caller_of(request: Request, secret: str | None) -> Caller:
    book: TokenBook = request.app.state.tokens
    if not book:
        return Caller(name=ANYBODY_HERE, scope=Scope.OPERATE)
    if not secret:
        raise Unauthenticated("This service wants an access token.", "Send it: Authorization: Bearer TOKEN.")
    token = book.find(secret)
    if token is None:
        log.warning("unknown token", path=request.url.path)
        raise Unauthenticated("This access token is not known.", "It may have been replaced; ask for a new one.")
    return Caller(name=f"{ANYBODY_HERE}:{token.name}", scope=token.scope)


Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


def _reader(request: Request, credentials: Credentials) -> Caller:
    return identify(request, credentials.credentials if credentials else request.cookies.get(COOKIE))


def _operator(caller: Annotated[Caller, Depends(_reader)]) -> Caller:
    if not caller.may_operate:
        raise InsufficientScope("This token may only read.", "Use one with the scope operate.")
    return caller


Reader = Annotated[Caller, Depends(_reader)]
Operator = Annotated[Caller, Depends(_operator)]


def audit(request: Request, caller: Caller, action: str, run_id: str) -> None:
    """One line for every operation that was carried out: who, what, on which run. The run's own events have it too."""
    address = request.client.host if request.client else None
    log.info("operation", who=caller.name, action=action, run=run_id, client=address)
