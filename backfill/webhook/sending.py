"""One POST to the receiver, in a thread. What goes wrong is told without the address and without the secret."""

from __future__ import annotations

import asyncio
import http.client
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.error import HTTPError, URLError

from backfill.engine.hooking import in_thread
from backfill.engine.notifying import NotTaken
from backfill.release import own_version
from backfill.webhook.signing import DELIVERY, SIGNATURE, TIMESTAMP, signature

# Of each step; one that answers byte by byte is not waited for longer than a few of them.
SECONDS = 10.0
ALTOGETHER = 2


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A signed request goes where the operator has sent it, and nowhere else."""

    def redirect_request(self, *_arguments: object, **_named: object) -> None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """`now` gives epoch seconds: each attempt is signed anew, so that a receiver may refuse what is old."""

    url: str = field(repr=False)
    secret: str = field(repr=False)
    seconds: float = SECONDS
    now: Callable[[], float] = time.time

    async def send(self, delivery: str, body: bytes) -> None:
        """Raises NotTaken."""
        try:
            async with asyncio.timeout(ALTOGETHER * self.seconds):
                await in_thread(lambda: self._post(delivery, body))
        except TimeoutError:
            raise NotTaken(f"the receiver did not answer within {ALTOGETHER * self.seconds:g} seconds") from None

    def _post(self, delivery: str, body: bytes) -> None:
        timestamp = str(int(self.now()))
        request = urllib.request.Request(  # noqa: S310 - the settings take URLs of HTTP only
            self.url,
            data=body,
            method="POST",
            headers={
                "Content-Type": "application/json",
                "User-Agent": f"online-backfill/{own_version()}",
                DELIVERY: delivery,
                TIMESTAMP: timestamp,
                SIGNATURE: signature(self.secret, timestamp, body),
            },
        )
        try:
            with urllib.request.build_opener(_NoRedirects).open(request, timeout=self.seconds):
                pass
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotTaken(self._words(error)) from None

    def _words(self, error: Exception) -> str:
        if isinstance(error, HTTPError):
            error.close()
            return f"the receiver answered with status {error.code}"
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, TimeoutError):
            return f"the receiver did not answer within {self.seconds:g} seconds"
        why = getattr(reason, "strerror", None) or type(reason).__name__
        return f"the receiver cannot be reached: {why}"
