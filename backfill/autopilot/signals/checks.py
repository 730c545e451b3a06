"""Checks of the operator's own: a statement or a URL that answers with a number or with yes and no.

A statement gives one row with one column; a URL's body is a number, or its status says it: 2xx is well. With a limit a
number above it stops the work; without one, false, null and 0 do.
"""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.error import HTTPError

from sqlalchemy import text

from backfill.autopilot.signals.asking import Look, Signal
from backfill.runs.readings import Reading

URL_SECONDS = 2.0
MOST_BYTES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Has either `sql` or `url`; `name` is what it is switched off by, as `check-<name>`.

    `database` is the one that it is asked in and whose server it stops, '' for DATABASE_URL. None: a URL is for each
    server, and SQL for DATABASE_URL.
    """

    name: str
    sql: str = ""
    url: str = ""
    limit: float | None = None
    every_seconds: float = 2.0
    database: str | None = None

    @property
    def of(self) -> str | None:
        """The database that it is about; None: all of them."""
        return self.database if self.database is not None or self.url else ""


def signal_of(check: Check) -> Signal:
    name = f"check-{check.name}"

    async def read(look: Look) -> Sequence[Reading]:
        answer = await _fetched(check.url) if check.url else await _selected(look, check.sql)
        if check.limit is not None:
            number = None if answer is None else float(answer)
            unread = "" if number is not None else "it answered with nothing"
            return [Reading(signal=name, value=number, limit=check.limit, eases=True, unread=unread)]
        return [Reading(signal=name, value=0.0 if answer else 1.0, limit=0.0)]

    about = "a check of the operator's, by URL" if check.url else "a check of the operator's, by SQL"
    return Signal(name=name, about=about, read=read, every_seconds=check.every_seconds)


async def _selected(look: Look, sql: str) -> float | bool | None:
    value = (await look.connection.execute(text(sql))).scalar_one()
    return value if value is None or isinstance(value, bool) else float(value)


async def _fetched(url: str) -> float | bool:
    return await asyncio.to_thread(_get, url)


def _get(url: str) -> float | bool:
    if not url.startswith(("http://", "https://")):
        raise ValueError("not a URL of HTTP")
    try:
        with urllib.request.urlopen(url, timeout=URL_SECONDS) as answer:  # noqa: S310 - checked above
            body = answer.read(MOST_BYTES).decode(errors="replace").strip()
    except HTTPError:
        return False
    try:
        return float(body)
    except ValueError:
        return body.lower() not in {"false", "no"}
