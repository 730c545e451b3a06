"""Which server each database is on, as workers have found out: of that it depends which runs share a budget.

A hash with, by database, what its server is called and when a worker last had that database among its settings. There
is none where there is only DATABASE_URL.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Awaitable, Collection, Mapping
from typing import cast

from redis.asyncio import Redis

from backfill.runs.servers import DATABASE_URL, shown
from backfill.store.client import told_plainly

# What no worker has had among its settings for so long is gone.
FORGOTTEN_MS = 24 * 3_600_000


class RedisServers:
    """`redis` must decode responses. Databases are called by their names, '' is DATABASE_URL."""

    def __init__(self, redis: Redis, *, prefix: str) -> None:
        self._redis = redis
        self._key = f"{prefix}:servers"
        self._plain = f"{prefix}:autopilot"

    async def known(self) -> dict[str, str]:
        """What the server of each database is called, where that is known."""
        return {database: server for database, (server, _) in (await self._read()).items() if server}

    async def note(self, servers: Mapping[str, str], everything: Collection[str]) -> None:
        """What is new, and `everything` that is still there. Nothing is lost on one that does not answer now."""
        now_ms = time.time_ns() // 1_000_000
        before = await self._read()
        said = {database: servers.get(database) or before.get(database, ("", 0))[0] for database in everything}
        gone = [one for one, (_, at_ms) in before.items() if one not in said and now_ms - at_ms > FORGOTTEN_MS]
        with told_plainly():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(self._key, mapping={shown(one): f"{server} {now_ms}" for one, server in said.items()})
                if gone:
                    pipe.hdel(self._key, *map(shown, gone))
                await pipe.execute()

    async def groups(self) -> tuple[tuple[str, ...], ...]:
        """The databases of each server, that of DATABASE_URL first; one that no worker has reached is by itself."""
        found = await self._read()
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for database in sorted({"", *found}):
            server = found.get(database, ("", 0))[0]
            groups[server or f" {database}"].append(database)
        return tuple(map(tuple, groups.values()))

    async def boards_of(self) -> dict[str, str]:
        """The key of the board of each database's server, as the scripts have it."""
        known = await self.known()
        of_url = known.get("")
        others = {one: f"{self._plain}@{server}" for one, server in known.items() if server != of_url}
        return {"": self._plain} | dict.fromkeys(known, self._plain) | others

    async def boards(self) -> list[str]:
        """All of them."""
        return sorted(set((await self.boards_of()).values()))

    async def _read(self) -> dict[str, tuple[str, int]]:
        with told_plainly():
            texts = await cast("Awaitable[dict[str, str]]", self._redis.hgetall(self._key))
        found = {name: text.rpartition(" ") for name, text in texts.items()}
        return {"" if name == DATABASE_URL else name: (server, int(at)) for name, (server, _, at) in found.items()}
