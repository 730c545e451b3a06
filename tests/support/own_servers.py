"""Servers of the fault tests alone: to be stopped, frozen and filled up. The keeper restarts one that ends."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import redis

from backfill.urls import ServerUrls
from tests.support.waiting import wait_until

POSTGRES, VALKEY = "PostgreSQL", "Valkey"


@dataclass(frozen=True, slots=True)
class OwnServers:
    folder: Path
    urls: ServerUrls

    def pid(self, server: str) -> int:
        state: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return int(state["pids"][server])

    @contextmanager
    def valkey(self) -> Iterator[redis.Redis]:
        with redis.Redis.from_url(self.urls.redis_url, decode_responses=True) as client:
            yield client

    async def stop_postgres_immediately(self) -> None:
        """As `pg_ctl stop -m immediate` does, a crash; returns when the next one answers."""
        await self._end(POSTGRES, signal.SIGQUIT)
        await wait_until(self._postgres_answers, 30)

    async def kill_valkey(self) -> None:
        """kill -9; returns when the next one answers."""
        await self._end(VALKEY, signal.SIGKILL)
        await wait_until(self._valkey_answers, 30)

    async def _end(self, server: str, signal_number: signal.Signals) -> None:
        before = self.pid(server)
        os.kill(before, signal_number)
        await wait_until(lambda: self.pid(server) not in (0, before), 30)

    async def _postgres_answers(self) -> bool:
        try:
            async with administrator(self.urls.database_url) as session:
                return bool(await session.fetchval("SELECT true"))
        except (OSError, asyncpg.PostgresError):
            return False

    def _valkey_answers(self) -> bool:
        try:
            with self.valkey() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@asynccontextmanager
async def administrator(server_url: str) -> AsyncIterator[Any]:
    """A session beside the application's."""
    session = await asyncpg.connect(server_url)
    try:
        yield session
    finally:
        await session.close()
