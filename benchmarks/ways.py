"""The three ways to fill in the new columns: two migrations in one transaction, and a run of the backfill."""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg
from pydantic import SecretStr

from backfill.embedded import ServerUrls
from backfill.engine.control import Control
from backfill.runs.record import Run
from backfill.runs.states import State
from backfill.settings import Settings
from backfill.wiring import default_pace, open_service
from benchmarks.databases import ROOT, copied, environment_of, sql
from benchmarks.measuring import Measurement, Stopwatch, read_digest, read_tables

ONE_SHOT = "a  one-shot migration"
SINGLE = "b  best single transaction"
RUN = "c  our run"

BACKFILL = "generation-versions"
FULL_PACE: Mapping[str, int | str | None] = {"mode": "fixed", "parallel": 2, "target_ms": 50, "pause_ms": 0}
POLL_SECONDS = 0.05
RUN_PATIENCE_SECONDS = 1800
STATEMENTS = {
    ONE_SHOT: (
        "one_shot_version",
        "one_shot_storage_path",
        "one_shot_latest_version",
        "one_shot_active_generation",
        "one_shot_is_active",
    ),
    SINGLE: ("single_generations", "single_projects"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Where the ways compete: the servers, the prepared database, and the settings of the run."""

    urls: ServerUrls
    template_url: str
    settings: Settings


Way = Callable[[Course, str, Stopwatch], Awaitable[float | None]]


async def measure(course: Course, way: str) -> Measurement:
    """On a copy of its own, which is gone afterwards."""
    async with copied(course.urls.database_url, course.template_url) as database_url:
        connection = await asyncpg.connect(database_url)
        try:
            before = await read_tables(connection)
            stopwatch = Stopwatch(connection)
            take: Way = _run if way == RUN else _in_one_transaction(STATEMENTS[way])
            verifying_seconds = await take(course, database_url, stopwatch)
            after = await read_tables(connection)
            return Measurement(
                way=way,
                seconds=stopwatch.seconds,
                wal_bytes=stopwatch.wal_bytes,
                hot_share=after.hot_updates / max(after.updates, 1),
                growth_bytes=after.size_bytes - before.size_bytes,
                digest=await read_digest(connection),
                verifying_seconds=verifying_seconds,
            )
        finally:
            await connection.close()


def _in_one_transaction(names: tuple[str, ...]) -> Way:
    async def take(course: Course, database_url: str, stopwatch: Stopwatch) -> None:  # noqa: ARG001 - a Way has it
        connection = await asyncpg.connect(database_url)
        try:
            await stopwatch.begin()
            async with connection.transaction():
                for name in names:
                    await connection.execute(sql(name))
            await stopwatch.end()
        finally:
            await connection.close()

    return take


async def _run(course: Course, database_url: str, stopwatch: Stopwatch) -> float:
    """At full pace: seconds of verification; what is before it is on the stopwatch.

    The worker is up and idle when it begins.
    """
    settings = settings_on(course.settings, course.urls, database_url)
    async with open_service(settings, application_name="benchmark") as service, worker_process(settings):
        await stopwatch.begin()
        pace = default_pace(settings).with_changes(FULL_PACE)
        run, _ = await service.control.enqueue(BACKFILL, pace, requested_by="benchmark")
        run = await until(service.control, run.id, lambda run: run.state not in (State.QUEUED, State.RUNNING))
        await stopwatch.end()
        begun = time.monotonic()
        run = await until(service.control, run.id, lambda run: run.done)
        verifying_seconds = time.monotonic() - begun
        keys = [key async for key in service.redis.scan_iter(f"{settings.redis_prefix}:*")]
        await service.redis.delete(*keys)
    if run.state is not State.SUCCEEDED:
        raise RuntimeError(f"the run ended {run.state}: {run.error}")
    return verifying_seconds


def settings_on(settings: Settings, urls: ServerUrls, database_url: str) -> Settings:
    """For a run on that database, with keys of its own in Redis."""
    return settings.model_copy(
        update={
            "database_url": SecretStr(database_url),
            "redis_url": SecretStr(urls.redis_url),
            "redis_prefix": f"benchmark-{secrets.token_hex(4)}",
        }
    )


async def until(
    control: Control, run_id: str, reached: Callable[[Run], bool], *, every_seconds: float = POLL_SECONDS
) -> Run:
    async with asyncio.timeout(RUN_PATIENCE_SECONDS):
        while not reached(run := await control.get(run_id)):  # noqa: ASYNC110 - the run is another process's
            await asyncio.sleep(every_seconds)
    return run


@asynccontextmanager
async def worker_process(settings: Settings, **more: str) -> AsyncIterator[None]:
    """The process that an operator starts, ready for work; ended by SIGTERM, as a deployment does. `more`: variables of
    its environment."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "arq", "worker.main.WorkerSettings"),
        cwd=ROOT,
        env=environment_of(settings, BACKFILL_PARALLEL=str(settings.parallel), BACKFILL_LOG_LEVEL="INFO", **more),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        await _read_until_ready(process.stdout)
        rest = asyncio.create_task(process.stdout.read())  # a pipe that nobody reads would stop it
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
    await rest


async def _read_until_ready(output: asyncio.StreamReader) -> None:
    seen = b""
    while b"worker ready" not in seen:
        line = await output.readline()
        if not line:
            raise RuntimeError(f"the worker ended before it was ready: {seen.decode(errors='replace')}")
        seen += line
