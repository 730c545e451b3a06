"""The old application at work beside a test, and a ledger: what was acknowledged to it must be there at the end.

The application of the demo does everything that the real one does, but keeps no account; the ledger's own client writes
less, and knows every row that it may expect.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

import asyncpg

from worker.demo.old_application import OldApplication, Traffic

_TRAFFIC = Traffic(connections=3, transactions_per_second=50, deletes_percent=0)
_PAUSE_SECONDS = 0.01
_USER = (
    "INSERT INTO users (id, email, is_active, is_superuser, is_verified, total_generations)"
    " VALUES ('ledger', 'ledger@example.org', true, false, true, 0)"
)
_PROJECT = (
    "INSERT INTO projects (id, user_id, name, tech_stack, status, is_public)"
    " VALUES ('ledger', 'ledger', 'A project', 'fastapi', 'active', false)"
)
_ADD = (
    "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration)"
    " VALUES ($1::text, 'ledger', 'ledger', $1::text, 'processing', false)"
)
_COMPLETE = "UPDATE generations SET status = 'completed', output_files = to_json($1::text) WHERE id = $1::text"
_DELETE = "DELETE FROM generations WHERE id = $1"
_ROWS = "SELECT id, prompt, status, output_files #>> '{}' AS output FROM generations WHERE id LIKE 'ledger-%'"
_IDS = "SELECT id FROM generations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    application: OldApplication
    old_ids: frozenset[str]
    acknowledged: dict[str, str] = field(default_factory=dict)  # status by id

    async def write(self, connection: asyncpg.Connection, over: asyncio.Event) -> None:
        """An error ends it, and with it the test."""
        for number in count():
            if over.is_set():
                return
            name = f"ledger-{number}"
            await connection.execute(_ADD, name)
            self.acknowledged[name] = "processing"
            if number % 3:
                await connection.execute(_COMPLETE, name)
                self.acknowledged[name] = "completed"
            elif number % 2:
                await connection.execute(_DELETE, name)
                del self.acknowledged[name]
            await asyncio.sleep(_PAUSE_SECONDS)

    async def assert_accounted(self, connection: asyncpg.Connection) -> None:
        """Once the traffic is over: no error, no row lost, none that nobody wrote, and their contents."""
        summary = self.application.summary()
        assert summary.failures == (), summary
        assert summary.transactions > 50
        rows = {row["id"]: tuple(row) for row in await connection.fetch(_ROWS)}
        assert rows == {
            name: (name, name, status, name if status == "completed" else None)
            for name, status in self.acknowledged.items()
        }
        assert self.old_ids <= {row["id"] for row in await connection.fetch(_IDS)}


@asynccontextmanager
async def live_traffic(url: str) -> AsyncIterator[Live]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_USER)
        await connection.execute(_PROJECT)
        old_ids = frozenset(row["id"] for row in await connection.fetch(_IDS))
        over = asyncio.Event()
        async with OldApplication(url, _TRAFFIC) as application, asyncio.TaskGroup() as group:
            live = Live(application=application, old_ids=old_ids)
            group.create_task(live.write(connection, over))
            try:
                yield live
            finally:
                over.set()
        await live.assert_accounted(connection)
    finally:
        await connection.close()
