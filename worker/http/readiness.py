"""Asks Postgres, Redis and the schema one short question each, all at once and none for longer than a few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from sqlalchemy import text

from worker.database import reachable
from worker.redis_client import told_plainly
from worker.runs.errors import OperatorError
from worker.sqlfiles import load_sql
from worker.wiring import Service

PATIENCE_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One question's answer; `message` says what is wrong and is empty when nothing is."""

    name: str
    ok: bool
    ms: float
    message: str = ""

    def document(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"ok": self.ok, "ms": round(self.ms, 1)}
        return answer if self.ok else {**answer, "error": self.message}


async def probe_all(service: Service) -> tuple[Probe, ...]:
    return tuple(
        await asyncio.gather(
            _probe("postgres", lambda: server_version(service)),
            _probe("redis", lambda: redis_facts(service)),
            _probe("schema", lambda: _check_schemas(service)),
        )
    )


async def server_version(service: Service) -> str:
    """PostgreSQL's version as it names it itself. Raises DatabaseUnreachable."""
    async with reachable(service.urls.database_url), service.engine.connect() as connection:
        answer = await connection.execute(text(load_sql(__package__, "sql/server_version.sql")))
        return str(answer.scalar_one())


async def redis_facts(service: Service) -> dict[str, Any]:
    """What INFO says, as one flat mapping. Raises RedisUnreachable."""
    with told_plainly():
        return dict(await service.redis.info())


async def _check_schemas(service: Service) -> None:
    for name in service.control.backfills:
        await service.control.check_schema(name)


async def _probe(name: str, ask: Callable[[], Awaitable[Any]]) -> Probe:
    begun = perf_counter()
    message = ""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ask()
    except TimeoutError:
        message = f"No answer within {PATIENCE_SECONDS:g} seconds."
    except OperatorError as error:
        message = str(error)
    return Probe(name=name, ok=not message, ms=(perf_counter() - begun) * 1000, message=message)
