"""The Lua scripts: each is one atomic step, with the prelude and the table of arrows put before it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import ResponseError

from backfill.runs.states import ARROWS
from backfill.store.client import told_plainly
from backfill.store.pools import SentinelPool

REPLICATED_WITHIN_MS = 1_000

NAMES = (
    "create",
    "act",
    "note",
    "tell",
    "set_pace",
    "set_schedule",
    "strike",
    "claim",
    "vacancies",
    "renew",
    "save_plan",
    "checkpoint",
    "release",
    "finish",
    "beat",
    "forget",
    "watch",
    "publish",
    "take_entry",
    "keep_entry",
    "leave_outbox",
    "note_standing",
)


log = logging.getLogger(__name__)  # structlog would be loaded with every command


@cache
def _texts() -> Mapping[str, str]:
    """By name, for all of a process: it has several `Scripts`, and the prelude comes with each script anew."""
    folder = resources.files(__package__) / "lua"
    prelude = (folder / "prelude.lua").read_text()
    return {name: prelude + (folder / f"{name}.lua").read_text() for name in NAMES}


def _arrows_json() -> str:
    table: dict[str, dict[str, str]] = {}
    for arrow in ARROWS:
        table.setdefault(arrow.action.value, {})[arrow.source.value] = arrow.target.value
    return json.dumps(table)


class Scripts:
    """Runs a script by name. `clock` gives epoch ms for tests; without it the server's clock counts."""

    def __init__(self, redis: Redis, prefix: str, clock: Callable[[], int] | None = None) -> None:
        self._scripts: dict[str, AsyncScript] = {name: redis.register_script(text) for name, text in _texts().items()}
        self._prefix = prefix
        self._clock = clock
        self._arrows = _arrows_json()
        self._redis = redis
        self._is_replicated = isinstance(redis.connection_pool, SentinelPool)

    async def run(self, name: str, run_id: str, *arguments: str | int) -> Any:
        with told_plainly():
            return await self._scripts[name](keys=[self._prefix], args=self._arguments(run_id, arguments))

    async def run_to_last(self, name: str, run_id: str, *arguments: str | int) -> Any:
        """For what somebody asked. Progress that a failover of Redis loses is found again in the data; this would be
        gone, and was acknowledged. So where there are replicas, one of them is to have it, too."""
        if not self._is_replicated:
            return await self.run(name, run_id, *arguments)
        with told_plainly():
            async with self._redis.client() as connection:  # WAIT is about what its own connection wrote
                script = self._scripts[name]
                args = self._arguments(run_id, arguments)
                answer = await script(keys=[self._prefix], args=args, client=connection)
                await self._wait_for_replica(connection)
        return answer

    async def _wait_for_replica(self, connection: Redis) -> None:
        try:
            reached = await connection.wait(1, REPLICATED_WITHIN_MS)
        except ResponseError as error:
            log.warning("Redis does not say whether a replica has it: %s", error)
        else:
            if not reached:
                log.warning("no replica of Redis has it yet: a failover now would lose it")

    def _arguments(self, run_id: str, arguments: Sequence[str | int]) -> list[str | int]:
        now = "" if self._clock is None else str(self._clock())
        return [now, self._arrows, run_id, *arguments]
