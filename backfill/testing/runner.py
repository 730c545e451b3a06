"""What a test of a backfill does: run it to its end, write beside it, kill its worker, verify."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import redis
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.definitions import Definition, Found
from backfill.runs.pace import Pace
from backfill.runs.record import Run
from backfill.runs.states import State
from backfill.settings import Settings
from backfill.sql.database import open_engine
from backfill.testing.telling import told
from backfill.testing.working import Worker
from backfill.urls import ServerUrls
from backfill.wiring import Service, build_service

SECONDS = 60.0
# Whoever goes on after a kill waits for it.
LEASE_SECONDS = 2
LOOK_EVERY_SECONDS = 0.02
# Long enough to look at its first batches, and to kill its worker between two of them.
SLOWLY = {"batch_rows": 10, "pause_ms": 30}
APPLICATION = "backfill-tests"

Writes = Callable[[AsyncConnection, random.Random], Awaitable[None]]


class Declared(Protocol):
    """A class of Columns or Groups."""

    @classmethod
    def definition(cls) -> Definition: ...


class Runner:
    """On one database, `url`. A definition is whatever its author made: a class, or a function under `@calls`."""

    def __init__(self, url: str, redis_url: str, folder: Path) -> None:
        self.url = url
        self._urls = ServerUrls(database_url=url, redis_url=redis_url)
        self._folder = folder
        self._prefix = f"test-{secrets.token_hex(6)}"

    async def run(
        self,
        definition: Definition | type[Declared],
        *,
        parameters: Mapping[str, Any] | None = None,
        succeeds: bool = True,
        seconds: float = SECONDS,
        **pace: int,
    ) -> Run:
        """To its end, by the engine, in this process; the run's record. `pace` as of `backfill enqueue`: `batch_rows`,
        `parallel`, `pause_ms`.

        Where it does not succeed, AssertionError with what it says; with `succeeds=False` its record all the same.
        Raises SchemaNotReady where what it relies on is not there, its keeper for one.
        """
        async with self._service(definition) as service:
            run, _ = await service.control.enqueue(
                as_definition(definition).name, _pace(pace), requested_by="test", parameters=parameters
            )
            return await _to_its_end(service, run.id, seconds, succeeds=succeeds)

    async def run_with_a_kill(self, definition: Definition | type[Declared], *, seconds: float = SECONDS) -> Run:
        """The same, but a worker of its own begins with it, in batches of ten rows, and is killed (SIGKILL) as soon as
        it has written some. The definition must be at the top of a module that a process can import from here."""
        async with self._service(definition) as service:
            known = as_definition(definition)
            run, _ = await service.control.enqueue(known.name, _pace(SLOWLY), requested_by="test")
            async with Worker(service.settings, definition, self._folder) as worker:
                await worker.kill_when(lambda: _has_begun(service, run.id), seconds)
            await service.control.set_pace(run.id, {"pause_ms": 0}, who="test")
            return await _to_its_end(service, run.id, seconds, succeeds=True)

    async def assert_verified(
        self, definition: Definition | type[Declared], parameters: Mapping[str, Any] | None = None
    ) -> None:
        """Every unit against every rule, as the data is now."""
        async with self._service(definition) as service:
            _, findings = await service.control.verify(as_definition(definition).name, parameters)
        errors = [finding for finding in findings if finding.is_error]
        assert not errors, told(errors)

    async def assert_writes_nothing(self, definition: Definition | type[Declared], **options: Any) -> None:
        """Another run, of which not one row is written."""
        run = await self.run(definition, **options)
        assert run.counts.rows_written == 0, f"{run.backfill} wrote {run.counts.rows_written} rows that were right"

    @asynccontextmanager
    async def live_writes(self, write: Writes, *, sessions: int = 2) -> AsyncIterator[list[int]]:
        """`write(connection, random)` again and again, each call a transaction, in several sessions for as long as the
        block lasts; how many each has done. What `write` raises ends the block: a backfill is in nobody's way."""
        done, ending = [0] * sessions, asyncio.Event()

        async def session(number: int, engine: AsyncEngine) -> None:
            dice = random.Random(number)
            while not ending.is_set():
                async with engine.begin() as connection:
                    await write(connection, dice)
                done[number] += 1

        async with self.engine() as engine, asyncio.TaskGroup() as group:
            for number in range(sessions):
                group.create_task(session(number, engine))
            try:
                yield done
            finally:
                ending.set()

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[AsyncEngine]:
        engine = open_engine(self.url, application_name=APPLICATION)
        try:
            yield engine
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction on the test's database."""
        async with self.engine() as engine, engine.begin() as connection:
            yield connection

    def forget(self) -> None:
        """What Redis has of this runner's runs."""
        with redis.Redis.from_url(self._urls.redis_url) as client:
            for key in client.scan_iter(match=f"{self._prefix}*", count=1_000):
                client.delete(key)

    @asynccontextmanager
    async def _service(self, definition: Definition | type[Declared]) -> AsyncIterator[Service]:
        known = as_definition(definition)
        settings = Settings(
            database_url=SecretStr(self._urls.database_url),
            redis_url=SecretStr(self._urls.redis_url),
            redis_prefix=self._prefix,
            lease_seconds=LEASE_SECONDS,
        )
        found = Found(definitions={known.name: known}, broken=())
        async with AsyncExitStack() as stack:
            yield await build_service(settings, self._urls, stack, application_name=APPLICATION, found=found)


def as_definition(given: Definition | type[Declared]) -> Definition:
    return given if isinstance(given, Definition) else given.definition()


async def _to_its_end(service: Service, run_id: str, seconds: float, *, succeeds: bool) -> Run:
    try:
        async with asyncio.timeout(seconds):
            run = await service.control.get(run_id)
            while not (run.done or run.state is State.PAUSED):
                if await service.slices.store.vacancies(run_id):
                    await service.slices.work(run_id, lambda: False)
                await asyncio.sleep(LOOK_EVERY_SECONDS)  # what was locked is tried again when it is due
                run = await service.control.get(run_id)
    except TimeoutError:
        run = await service.control.get(run_id)
        raise AssertionError(f"{told(run)}\nIt is not at its end after {seconds:g} s.") from None
    assert not succeeds or run.state is State.SUCCEEDED, told(run)
    return run


async def _has_begun(service: Service, run_id: str) -> bool:
    return (await service.control.get(run_id)).counts.rows_written > 0


def _pace(changes: Mapping[str, int]) -> Pace:
    return Pace(parallel=1, batch_rows=100, target_ms=50, pause_ms=0, rows_per_second=0).with_changes(changes)
