"""Asks Postgres, Redis and the schema one short question each, all at once and none for longer than a few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.http.patience import within
from backfill.runs.errors import OperatorError
from backfill.sql.database import reachable
from backfill.sql.files import load_sql
from backfill.store.client import told_plainly
from backfill.wiring import Service

PATIENCE_SECONDS = 2.0

_ASKED = {"postgres": "PostgreSQL", "redis": "Redis", "schema": "PostgreSQL, asked for the schema,"}


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
    schema = _probe("schema", lambda: _check_schemas(service), PATIENCE_SECONDS)
    servers, probed = await asyncio.gather(probe_servers(service, PATIENCE_SECONDS), schema)
    return (*servers, probed)


async def probe_servers(service: Service, patience_seconds: float) -> tuple[Probe, ...]:
    urls = service.settings.database_urls
    others = (
        _probe(f"postgres {name}", partial(version_of, urls[name], engine), patience_seconds)
        for name, engine in service.others.items()
    )
    return tuple(
        await asyncio.gather(
            _probe("postgres", lambda: server_version(service), patience_seconds),
            _probe("redis", lambda: redis_facts(service), patience_seconds),
            *others,
        )
    )


async def server_version(service: Service) -> str:
    """PostgreSQL's version as it names it itself. Raises DatabaseUnreachable."""
    return await version_of(service.urls.database_url, service.engine)


async def version_of(url: str, engine: AsyncEngine) -> str:
    """The same of any database."""
    async with reachable(url), engine.connect() as connection:
        answer = await connection.execute(text(load_sql(__package__, "sql/server_version.sql")))
        return str(answer.scalar_one())


async def redis_facts(service: Service) -> dict[str, Any]:
    """What INFO says, as one flat mapping. Raises RedisUnreachable."""
    with told_plainly():
        return dict(await service.redis.info())


async def _check_schemas(service: Service) -> None:
    for name in service.control.backfills:
        await service.control.check_schema(name)


async def _probe(name: str, ask: Callable[[], Coroutine[Any, Any, Any]], patience_seconds: float) -> Probe:
    begun = perf_counter()
    message = ""
    try:
        await within(patience_seconds, ask())
    except TimeoutError:
        message = f"{_ASKED.get(name, name)} gave no answer within {patience_seconds:g} seconds."
    except OperatorError as error:
        message = str(error)
    return Probe(name=name, ok=not message, ms=(perf_counter() - begun) * 1000, message=message)
