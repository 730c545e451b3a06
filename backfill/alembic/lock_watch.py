"""Says what a migration waits for, and whom, while it waits.

A second connection looks at the migrating one several times a second. It names sessions, never their
queries: those may hold the application's data. CREATE INDEX CONCURRENTLY has no lock timeout (it would
leave an invalid index), so it is also the watch that ends its waiting when patience does.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.sql.files import load_sql

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 0.15
SAY_AGAIN_SECONDS = 3.0
SAY_AT_MOST_EVERY_SECONDS = 1.0
_ANSWER_WITHIN_SECONDS = 5.0
_NAMED_AT_MOST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """A session in the way. Fields are None where the server does not show them to this user."""

    table: str | None
    pid: int
    backend_type: str | None
    user_name: str | None
    application_name: str | None
    state: str | None
    transaction_seconds: float | None

    def __str__(self) -> str:
        if self.pid == 0:
            return "a prepared transaction"
        facts = [f"user {self.user_name}"] if self.user_name else []
        facts += [f"application {self.application_name}"] if self.application_name else []
        facts += [self.backend_type] if self.backend_type and self.backend_type != "client backend" else []
        facts += [self.state or "state hidden: needs pg_monitor"]
        if self.transaction_seconds is not None:
            facts.append(f"transaction open for {self.transaction_seconds:.0f} s")
        return f"pid {self.pid} ({', '.join(facts)})"


def sentence(blockers: tuple[Blocker, ...]) -> str:
    """What is waited for, in one line."""
    table = next((blocker.table for blocker in blockers if blocker.table), None)
    named = "; ".join(str(blocker) for blocker in blockers[:_NAMED_AT_MOST])
    more = len(blockers) - _NAMED_AT_MOST
    return f"waiting for {table or 'other transactions'}: {named}" + (f"; and {more} more" if more > 0 else "")


class LockWatch:
    """Watches one backend. `last` is the last sentence said, `gave_up` whether the wait was ended here."""

    def __init__(self, connection: AsyncConnection, pid: int, *, patience_seconds: float) -> None:
        self._connection = connection
        self._pid = pid
        self._patience_seconds = patience_seconds
        self._pids: frozenset[int] = frozenset()
        self._said_at = float("-inf")
        self._blocked_since: float | None = None
        self.last = ""
        self.gave_up = False

    async def run(self, over: asyncio.Event) -> None:
        """Looks until `over` is set. Not cancelled from outside: that would tear a query apart."""
        try:
            while not (self.gave_up or over.is_set()):
                async with asyncio.timeout(_ANSWER_WITHIN_SECONDS):
                    await self._look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), LOOK_EVERY_SECONDS)
        except Exception as error:  # noqa: BLE001 - a convenience: whatever happens to it, the migration goes on
            log.warning("can no longer say what is waited for: %s", type(error).__name__)

    async def _look(self) -> None:
        rows = await self._connection.execute(
            text(load_sql("backfill.alembic", "sql/blockers.sql")), {"pid": self._pid}
        )
        blockers = tuple(Blocker(**row) for row in rows.mappings())
        now = time.monotonic()
        if not blockers:
            self._blocked_since = None
            return
        self._blocked_since = self._blocked_since or now
        self._say(blockers, now)
        if now - self._blocked_since > self._patience_seconds:
            self.gave_up = True
            await self._connection.execute(text(load_sql("backfill.alembic", "sql/cancel.sql")), {"pid": self._pid})

    def _say(self, blockers: tuple[Blocker, ...], now: float) -> None:
        self.last = sentence(blockers)
        pids = frozenset(blocker.pid for blocker in blockers)
        pause = SAY_AGAIN_SECONDS if pids == self._pids else SAY_AT_MOST_EVERY_SECONDS
        if now - self._said_at < pause:
            return
        log.info("%s", self.last)
        self._pids, self._said_at = pids, now


@asynccontextmanager
async def watching(engine: AsyncEngine, pid: int, *, patience_seconds: float) -> AsyncIterator[LockWatch | None]:
    """Watches backend `pid` as long as the block lasts; None where there is no second connection to be had."""
    try:
        connection = await engine.connect()
    except Exception as error:  # noqa: BLE001 - no connection left, say: the migration needs only the one it has
        log.warning("cannot say what will be waited for, no second connection: %s", type(error).__name__)
        yield None
        return
    try:
        # No transaction: a snapshot held here is one that CREATE INDEX CONCURRENTLY would wait for.
        connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        watch = LockWatch(connection, pid, patience_seconds=patience_seconds)
        over = asyncio.Event()
        task = asyncio.create_task(watch.run(over))
        try:
            yield watch
        finally:
            over.set()
            await task
    finally:
        await connection.close()
