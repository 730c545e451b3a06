"""Where the monitor of a server and the workers meet: its role, what it publishes, and what operators have said to it.

A server has a board of its own; that of DATABASE_URL's is the one that there was before there were others. Limits and
switches are said to all servers there, or to one on its own board.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import Redis

from backfill.runs.directive import FRESH_MS, ROLE_MS, Directive, Role, Sighting, SwitchedOff
from backfill.store.client import told_plainly
from backfill.store.scripts import Scripts
from backfill.store.servers import RedisServers

# What was published so long ago says nothing of how a monitor that takes over should begin.
OLD_MS = 60_000
# A worker that can look at several servers asks for each role under a name of its own: its id, this, and the database.
AT_DATABASE = "/"


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
    """That of the server of `database`; `sees` are the databases that whoever asks for the role can look at.

    `redis` must decode responses; `clock` as in Scripts.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        prefix: str,
        clock: Callable[[], int] | None = None,
        database: str = "",
        sees: Collection[str] = ("",),
    ) -> None:
        self._redis = redis
        self._servers = RedisServers(redis, prefix=prefix)
        self._plain = f"{prefix}:autopilot"
        self._clock = clock
        self._scripts = Scripts(redis, prefix, clock)
        self._database = database
        self._sees = json.dumps(sorted(sees))

    async def take_role(self, who: str, backfills: Sequence[str]) -> Role | None:
        """For a few seconds, or on for as long again. None while another has it, no run there goes by the autopilot, or
        one is on a database that is for another to look at."""
        asked = (who, ROLE_MS, self._database, self._sees)
        taken, now_ms, *rest = await self._scripts.run("watch", "", *asked, *backfills)
        if not taken:
            return None
        runs, limits, off, effort, at_ms, here = rest
        recent = effort and int(now_ms) - int(at_ms) < OLD_MS
        return Role(
            now_ms=int(now_ms),
            lanes={run_id: int(lanes) for run_id, lanes in zip(runs[::3], runs[1::3], strict=True)},
            limits={name: float(value) for name, value in _pairs(limits)},
            off=_switches(_pairs(off), int(now_ms)),
            effort=float(effort) if recent else None,
            databases=tuple(sorted(set(runs[2::3]))),
            here=tuple(sorted(here)),
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
            self._database,
            *runs,
        )
        return bool(held), bool(opened)

    async def read(self) -> Published:
        key = await self._key()
        with told_plainly():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hgetall(key or "")
                for place in (self._plain, self._own(key)):
                    pipe.hgetall(f"{place}:limits")
                    pipe.hgetall(f"{place}:off")
                pipe.time()
                fields, limits, off, own_limits, own_off, (seconds, micros) = await pipe.execute()
        now_ms = self._clock() if self._clock else seconds * 1000 + micros // 1000
        return Published(
            now_ms=now_ms,
            at_ms=int(fields.get("at_ms", 0)),
            monitor=fields.get("monitor", "").partition(" ")[0].partition(AT_DATABASE)[0],
            stopped_by=fields.get("stopped_by", ""),
            stopped_since_ms=int(fields.get("stopped_since_ms", 0)),
            document=json.loads(fields.get("document", "{}")),
            limits={name: float(value) for name, value in (limits | own_limits).items()},
            off=_switches([*off.items(), *own_off.items()], now_ms),
        )

    async def history(self) -> tuple[Sighting, ...]:
        """One a second, of the last ten minutes in which somebody has looked; oldest first."""
        key = await self._key()
        with told_plainly():
            texts = await cast("Awaitable[list[str]]", self._redis.lrange(f"{key}:history", 0, -1))
        return tuple(_sighting(json.loads(text)) for text in texts)

    async def set_limit(self, name: str, value: float | None, *, here: bool = False) -> None:
        """On all servers, or `here`, on this one, alone. None: back to what the settings say, or all servers."""
        await self._say("limits", name, None if value is None else repr(value), here=here)

    async def switch_off(self, switched: SwitchedOff, *, here: bool = False) -> None:
        said = json.dumps({"by": switched.by, "note": switched.note, "until_ms": switched.until_ms})
        await self._say("off", switched.signal, said, here=here)

    async def switch_on(self, signal: str, *, here: bool = False) -> None:
        """What is switched off everywhere is not switched on here alone."""
        await self._say("off", signal, None, here=here)

    async def _say(self, what: str, name: str, said: str | None, *, here: bool) -> None:
        own = [self._own(key) for key in ([await self._key()] if here else await self._servers.boards())]
        with told_plainly():
            async with self._redis.pipeline(transaction=True) as pipe:
                for place in own if here else [self._plain, *own]:
                    pipe.hdel(f"{place}:{what}", name)
                if said is not None:
                    pipe.hset(f"{own[0] if here else self._plain}:{what}", name, said)
                await pipe.execute()

    async def _key(self) -> str | None:
        """None where no worker has reached the database yet."""
        return (await self._servers.boards_of()).get(self._database) if self._database else self._plain

    def _own(self, key: str | None) -> str:
        return f"{self._plain}:own" if key == self._plain else key or f"{self._plain}@"


Seen = Mapping[tuple[str, ...], Published]
"""What was published last, by the databases of each server."""


class Boards:
    """Those of all servers. `redis` must decode responses."""

    def __init__(self, redis: Redis, *, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    def of(self, database: str) -> RedisBoard:
        return RedisBoard(self._redis, prefix=self._prefix, database=database)

    async def servers(self) -> tuple[tuple[str, ...], ...]:
        """The databases of each, that of DATABASE_URL first."""
        return await RedisServers(self._redis, prefix=self._prefix).groups()

    async def read_all(self) -> Seen:
        return {server: await self.of(server[0]).read() for server in await self.servers()}


def _sighting(said: Mapping[str, Any]) -> Sighting:
    values = {name: (value, limit) for name, (value, limit) in (said.get("charted") or {}).items()}
    return Sighting(at_ms=int(said["at_ms"]), effort=float(said["effort"]), stopped=said["stopped"], values=values)


def _pairs(flat: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def _switches(texts: Sequence[tuple[str, str]], now_ms: int) -> tuple[SwitchedOff, ...]:
    """A signal may be switched off twice, here and everywhere."""
    found = [SwitchedOff(signal=signal, **json.loads(text)) for signal, text in sorted(texts)]
    return tuple(one for one in found if one.holds(now_ms))
