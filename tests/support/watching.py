"""Looking at runs from inside the test: quicker than a command, where only looking is meant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from backfill.engine.control import Control
from backfill.engine.protocols import Event
from backfill.runs.record import Run
from backfill.runs.states import State
from backfill.settings import Settings
from backfill.wiring import open_service
from tests.support.waiting import wait_until


class Watcher:
    def __init__(self, control: Control) -> None:
        self.control = control

    async def run(self, run_id: str) -> Run:
        return await self.control.get(run_id)

    async def events(self, run_id: str, kind: str) -> list[Event]:
        return [event for event in await self.control.events(run_id) if event.kind == kind]

    async def until(self, run_id: str, true: Callable[[Run], object], *, deadline_seconds: float = 60.0) -> Run:
        """The run as it is when `true` says so for the first time."""

        async def look() -> Run | None:
            run = await self.run(run_id)
            return run if true(run) else None

        run = await wait_until(look, deadline_seconds)
        assert run is not None
        return run

    async def until_state(self, run_id: str, *states: State, deadline_seconds: float = 60.0) -> Run:
        return await self.until(run_id, lambda run: run.state in states, deadline_seconds=deadline_seconds)

    async def until_rows(self, run_id: str, rows: int, *, deadline_seconds: float = 60.0) -> Run:
        """Until the cursors have passed that many rows."""
        return await self.until(run_id, lambda run: run.counts.rows_done >= rows, deadline_seconds=deadline_seconds)


@asynccontextmanager
async def watching(env: Mapping[str, str]) -> AsyncIterator[Watcher]:
    """On the servers of `env`, as `environment_for` makes it."""
    urls = {"database_url": env["DATABASE_URL"], "redis_url": env["REDIS_URL"]}
    async with open_service(Settings.model_validate(urls), application_name="test-watcher") as service:
        yield Watcher(service.control)
