"""Where the monitor and the workers meet: its role, what it publishes, and what operators have said to it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import Redis

from backfill.runs.directive import FRESH_MS, ROLE_MS, Directive, Role, Sighting, SwitchedOff
from backfill.store.client import told_plainly
from backfill.store.scripts import Scripts

# What was published so long ago says nothing of how a monitor that takes over should begin.
OLD_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was published last, as it is read back; `at_ms` 0: never."""

    now_ms: int
    at_ms: int
    monitor: str
    stopped_by: str
    stopped_since_ms: int
    document: Mapping[str, Any]
    limits: Mapping[str, float]
    off: Sequence[SwitchedOff]

    @property
    def is_fresh(self) -> bool:
        return self.now_ms - self.at_ms <= FRESH_MS


class RedisBoard:
    """`redis` must decode responses; `clock` as in Scripts."""

    def __init__(self, redis: Redis, *, prefix: str, clock: Callable[[], int] | None = None) -> None:
        self._redis = redis
        self._key = f"{prefix}:autopilot"
        self._clock = clock
        self._scripts = Scripts(redis, prefix, clock)

    async def take_role(self, who: str, backfills: Sequence[str]) -> Role | None:
        """For a few seconds, or on for as long again. None while another has it, or no run goes by the autopilot."""
        taken, now_ms, *rest = await self._scripts.run("watch", "", who, ROLE_MS, *backfills)
        if not taken:
            return None
        runs, limits, off, effort, at_ms = rest
        recent = effort and int(now_ms) - int(at_ms) < OLD_MS
        return Role(
            now_ms=int(now_ms),
            lanes={run_id: int(lanes) for run_id, lanes in _pairs(runs).items()},
            limits={name: float(value) for name, value in _pairs(limits).items()},
            off=_switches(_pairs(off), int(now_ms)),
            effort=float(effort) if recent else None,
        )

    async def publish(self, who: str, directive: Directive, runs: Sequence[str]) -> tuple[bool, bool]:
        """Whether the role is still held, and whether work may begin now that could not before."""
        held, opened = await self._scripts.run(
            "publish",
            "",
            who,
            f"{directive.share:.4f}",
            directive.stopped_by,
            directive.stopped_signal,
            directive.quiet_ms,
            json.dumps(directive.document()),
            f"{directive.effort:.4f}",
            FRESH_MS,
            directive.batch_ms,
            *runs,
        )
        return bool(held), bool(opened)

    async def read(self) -> Published:
        with told_plainly():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hgetall(self._key)
                pipe.hgetall(f"{self._key}:limits")
                pipe.hgetall(f"{self._key}:off")
                pipe.time()
                fields, limits, off, (seconds, micros) = await pipe.execute()
        now_ms = self._clock() if self._clock else seconds * 1000 + micros // 1000
        return Published(
            now_ms=now_ms,
            at_ms=int(fields.get("at_ms", 0)),
            monitor=fields.get("monitor", "").partition(" ")[0],
            stopped_by=fields.get("stopped_by", ""),
            stopped_since_ms=int(fields.get("stopped_since_ms", 0)),
            document=json.loads(fields.get("document", "{}")),
            limits={name: float(value) for name, value in limits.items()},
            off=_switches(off, now_ms),
        )

    async def history(self) -> tuple[Sighting, ...]:
        """One a second, of the last ten minutes in which somebody has looked; oldest first."""
        with told_plainly():
            texts = await cast("Awaitable[list[str]]", self._redis.lrange(f"{self._key}:history", 0, -1))
        return tuple(_sighting(json.loads(text)) for text in texts)

    async def set_limit(self, name: str, value: float | None) -> None:
        """None: back to what the settings say."""
        key = f"{self._key}:limits"
        with told_plainly():
            if value is None:
                await cast("Awaitable[int]", self._redis.hdel(key, name))
            else:
                await cast("Awaitable[int]", self._redis.hset(key, name, repr(value)))

    async def switch_off(self, switched: SwitchedOff) -> None:
        said = json.dumps({"by": switched.by, "note": switched.note, "until_ms": switched.until_ms})
        with told_plainly():
            await cast("Awaitable[int]", self._redis.hset(f"{self._key}:off", switched.signal, said))

    async def switch_on(self, signal: str) -> None:
        with told_plainly():
            await cast("Awaitable[int]", self._redis.hdel(f"{self._key}:off", signal))


def _sighting(said: Mapping[str, Any]) -> Sighting:
    values = {name: (value, limit) for name, (value, limit) in (said.get("charted") or {}).items()}
    return Sighting(at_ms=int(said["at_ms"]), effort=float(said["effort"]), stopped=said["stopped"], values=values)


def _pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _switches(texts: Mapping[str, str], now_ms: int) -> tuple[SwitchedOff, ...]:
    found = [SwitchedOff(signal=signal, **json.loads(text)) for signal, text in sorted(texts.items())]
    return tuple(one for one in found if one.holds(now_ms))
