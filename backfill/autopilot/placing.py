"""Finds out which server each database is on, again and again: a server may be down when a worker starts, and a
database may move to another one.

Every worker does, and they come to the same answer. Until a database has answered once, no run on it goes by the
autopilot.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from backfill.runs.errors import RedisUnreachable
from backfill.runs.failures import BatchFailed
from backfill.runs.servers import Identity, all_shown, has_copies, servers_of

EVERY_SECONDS = 5.0
ANSWER_SECONDS = 3.0

log = structlog.get_logger(__name__)


class Servers(Protocol):
    async def known(self) -> dict[str, str]: ...

    async def note(self, servers: Mapping[str, str], everything: Collection[str]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """`read` asks the server of a database, by its name, which one it is; raises BatchFailed where it does not
    answer."""

    databases: Collection[str]
    read: Callable[[str], Awaitable[Identity]]
    servers: Servers

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """For as long as the block lasts."""
        task = asyncio.create_task(self._look_on(), name="placing")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _look_on(self) -> None:
        while True:
            try:
                await self.look()
            except RedisUnreachable as error:
                log.debug("servers not noted", reason=str(error))
            except Exception as error:  # noqa: BLE001 - what is not known stops runs: it is to be asked again
                log.warning("servers not noted", error=type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Once. Raises RedisUnreachable."""
        found = await self._found()
        if has_copies(found):
            found = await self._found()  # or it was restarted in between
        before = await self.servers.known()
        servers = servers_of(found, before, self.databases)
        await self.servers.note(servers, self.databases)
        if before | servers != before:
            log.info("databases on their servers", servers=[all_shown(one) for one in _by_server(before | servers)])

    async def _found(self) -> dict[str, Identity]:
        answers = await asyncio.gather(*map(self._asked, self.databases))
        return {database: one for database, one in zip(self.databases, answers, strict=True) if one is not None}

    async def _asked(self, database: str) -> Identity | None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self.read(database)
        except (BatchFailed, TimeoutError) as error:
            log.debug("a database does not say which server it is on", database=database, reason=type(error).__name__)
            return None


def _by_server(servers: Mapping[str, str]) -> list[list[str]]:
    return [sorted(one for one in servers if servers[one] == server) for server in sorted(set(servers.values()))]
