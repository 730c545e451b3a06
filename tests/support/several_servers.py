"""Two backfills of one service on databases of one cluster or of two, and what an operator sees of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from backfill.store.client import open_redis
from tests.support.commands import environment_for
from tests.support.databases import new_database
from tests.support.forked import backfill
from tests.support.own_servers import administrator
from tests.support.runs import status, wait_for_end
from tests.support.two_databases import PLACE, TABLES_HERE, TABLES_THERE

HERE, THERE = "names-lowered", "titles-lowered"
ROWS = 6_000
MORE_HERE = """
    INSERT INTO customers SELECT n, 'Name' || n FROM generate_series(41, 6000) AS n;
    CREATE TABLE canary (id integer);
"""
MORE_THERE = "INSERT INTO accounts.invoices SELECT n, 'Title' || n FROM generate_series(41, 6000) AS n"
CANARY = json.dumps([{"name": "canary", "sql": "SELECT count(*) FROM canary", "limit": 0, "every_seconds": 0.5}])
# None of them is to be over before a busy machine has started another worker, and that one looks.
SLOWLY = ("--rows-per-second", "150", "--batch-rows", "20")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    env: dict[str, str]
    first: str

    def start(self, backfill_name: str, *options: str) -> str:
        done = backfill("enqueue", backfill_name, "--json", *options, env=self.env)
        assert done.returncode == 0, done.stderr
        return str(json.loads(done.stdout)["id"])

    async def end(self, run_id: str) -> dict[str, Any]:
        return await asyncio.to_thread(wait_for_end, self.env, run_id)

    def throttle(self, *options: str) -> dict[str, Any]:
        done = backfill("throttle", "--json", *options, env=self.env)
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def servers(self) -> dict[str, dict[str, Any]]:
        """By the first of their databases."""
        return {one["databases"][0]: one for one in self.throttle()["servers"]}

    def hurry(self, run_id: str) -> None:
        backfill("set", run_id, "--rows-per-second", "0", "--batch-rows", "1000", env=self.env)

    @asynccontextmanager
    async def redis(self) -> AsyncIterator[Redis]:
        client = open_redis(self.env["REDIS_URL"], timeout_seconds=5.0)
        try:
            yield client
        finally:
            await client.aclose(close_connection_pool=True)

    def throttled_by(self, run_id: str) -> str:
        return str(status(self.env, run_id)["pace"]["throttled_by"] or "")

    def keys(self) -> set[str]:
        return set(self.servers())


@asynccontextmanager
async def place_on(first_server: str, second_server: str, redis_url: str) -> AsyncIterator[Place]:
    async with new_database(first_server) as first, new_database(second_server) as second:
        async with administrator(first) as session:
            await session.execute(TABLES_HERE + MORE_HERE)
        async with administrator(second) as session:
            await session.execute(TABLES_THERE + MORE_THERE)
        env = environment_for(database_url=first, redis_url=redis_url, BACKFILL_PACE="autopilot") | {
            "BACKFILL_DEFINITIONS": PLACE,
            "DATABASES": f"billing={second}",
            "BACKFILL_CHECKS": CANARY,
            # The latency of a machine that runs tests is no measure of anything.
            "BACKFILL_SIGNALS_OFF": "latency",
        }
        yield Place(env=env, first=first)


async def together(redis: Redis, runs: Sequence[str]) -> tuple[int, float]:
    """Ranges that are worked on, and how many may be; none while these runs are not in one look."""
    async with redis.pipeline(transaction=True) as pipe:
        for run_id in runs:
            pipe.hlen(f"backfill:run:{run_id}:leases")
        pipe.hget("backfill:autopilot", "document")
        *leases, document = await pipe.execute()
    said = json.loads(document or "{}")
    return (sum(leases), said["effort"]) if all(leases) and said.get("runs") == len(runs) else (0, 0.0)
