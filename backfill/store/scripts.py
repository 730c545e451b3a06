"""The Lua scripts: each is one atomic step, with the prelude and the table of arrows put before it."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backfill.runs.states import ARROWS
from backfill.store.client import told_plainly

NAMES = (
    "create",
    "act",
    "note",
    "tell",
    "set_pace",
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
)


def _arrows_json() -> str:
    table: dict[str, dict[str, str]] = {}
    for arrow in ARROWS:
        table.setdefault(arrow.action.value, {})[arrow.source.value] = arrow.target.value
    return json.dumps(table)


class Scripts:
    """Runs a script by name. `clock` gives epoch ms for tests; without it the server's clock counts."""

    def __init__(self, redis: Redis, prefix: str, clock: Callable[[], int] | None = None) -> None:
        folder = resources.files(__package__) / "lua"
        prelude = (folder / "prelude.lua").read_text()
        self._scripts: dict[str, AsyncScript] = {
            name: redis.register_script(prelude + (folder / f"{name}.lua").read_text()) for name in NAMES
        }
        self._prefix = prefix
        self._clock = clock
        self._arrows = _arrows_json()

    async def run(self, name: str, run_id: str, *arguments: str | int) -> Any:
        now = "" if self._clock is None else str(self._clock())
        with told_plainly():
            return await self._scripts[name](keys=[self._prefix], args=[now, self._arrows, run_id, *arguments])
