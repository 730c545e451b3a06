"""The three ways to fill in the new columns: two migrations in one transaction, and a run of the backfill.

And what none of them can be much faster than: the same rows set to constants, page by page, in as many transactions at
once as the run has. One UPDATE of all rows is no such floor: it has one core, and what it makes dead stays in the way.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg
from pydantic import SecretStr

from backfill.engine.control import Control
from backfill.runs.record import Run
from backfill.runs.states import State
from backfill.settings import Settings
from backfill.urls import ServerUrls
from backfill.wiring import default_pace, open_service
from benchmarks.databases import ROOT, copied, environment_of, sql, vacuumed
from benchmarks.measuring import Measurement, Stopwatch, read_digest, read_tables

ONE_SHOT = "a  one-shot migration"
SINGLE = "b  best single transaction"
RUN = "c  our run"
FLOOR = "d  write floor"

BACKFILL = "generation-versions"
LANES = 2
FULL_PACE: Mapping[str, int | str | None] = {"mode": "fixed", "parallel": LANES, "target_ms": 50, "pause_ms": 0}
PAGES_AT_ONCE = 128
# The worker is that of the image: with its settings of the allocator, without what only tests install. Redis' client
# brings PyJWT, which takes cryptography where it finds it, and here moto has brought that: 8 MiB of memory.
ALLOCATOR = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "131072"}
NOT_IN_THE_IMAGE = "cryptography"
ARQ = f"import sys; sys.modules[{NOT_IN_THE_IMAGE!r}] = None; from arq.cli import cli; cli()"
# Half of it comes on top of whatever is measured, and a second run takes less than a second.
POLL_SECONDS = 0.02
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Besides:
    """What a run does that a migration does not: seconds, and bytes of WAL."""

    verifying_seconds: float | None = None
    again_seconds: float | None = None
    again_wal_bytes: int | None = None


Way = Callable[[Course, str, Stopwatch], Awaitable[Besides]]


async def measure(course: Course, way: str) -> Measurement:
    """On a copy of its own, which is gone afterwards."""
    async with copied(course.urls.database_url, course.template_url) as database_url:
        connection = await asyncpg.connect(database_url)
        try:
            before = await read_tables(connection)
            stopwatch = Stopwatch(connection)
            take = _OTHERS.get(way) or _in_one_transaction(STATEMENTS[way])
            besides = await take(course, database_url, stopwatch)
            after = await read_tables(connection)
            return Measurement(
                way=way,
                seconds=stopwatch.seconds,
                wal_bytes=stopwatch.wal_bytes,
                hot_share=after.hot_updates / max(after.updates, 1),
                growth_bytes=after.size_bytes - before.size_bytes,
                digest=await read_digest(connection),
                verifying_seconds=besides.verifying_seconds,
                again_seconds=besides.again_seconds,
                again_wal_bytes=besides.again_wal_bytes,
            )
        finally:
            await connection.close()


def _in_one_transaction(names: tuple[str, ...]) -> Way:
    async def take(course: Course, database_url: str, stopwatch: Stopwatch) -> Besides:  # noqa: ARG001 - a Way has it
        connection = await asyncpg.connect(database_url)
        try:
            await stopwatch.begin()
            async with connection.transaction():
                for name in names:
                    await connection.execute(sql(name))
            await stopwatch.end()
        finally:
            await connection.close()
        return Besides()

    return take


async def _run(course: Course, database_url: str, stopwatch: Stopwatch) -> Besides:
    """At full pace; what is before its verification is on the stopwatch. The worker is up and idle when it begins.

    Before the second run comes what autovacuum and a checkpoint do of themselves, sooner or later.
    """
    settings = settings_on(course.settings, course.urls, database_url)
    async with open_service(settings, application_name="benchmark") as service, worker_process(settings):
        verifying = await full_pace(service.control, settings, stopwatch)
        await vacuumed(database_url)
        again = Stopwatch(stopwatch.connection)
        verifying_again = await full_pace(service.control, settings, again)
        keys = [key async for key in service.redis.scan_iter(f"{settings.redis_prefix}:*")]
        await service.redis.delete(*keys)
    return Besides(
        verifying_seconds=verifying.seconds,
        again_seconds=again.seconds + verifying_again.seconds,
        again_wal_bytes=again.wal_bytes + verifying_again.wal_bytes,
    )


async def _write_floor(course: Course, database_url: str, stopwatch: Stopwatch) -> Besides:  # noqa: ARG001 - a Way has it
    async with asyncpg.create_pool(database_url, min_size=LANES, max_size=LANES) as pool:
        await stopwatch.begin()
        for table in ("generations", "projects"):
            await _set_to_constants(pool, table)
        await stopwatch.end()
    return Besides()


async def _set_to_constants(pool: asyncpg.Pool, table: str) -> None:
    pages = await pool.fetchval(sql("read_pages"), table)
    firsts = iter(range(0, pages, PAGES_AT_ONCE))

    async def lane() -> None:
        for first in firsts:
            await pool.execute(sql(f"floor_{table}"), (first, 0), (min(first + PAGES_AT_ONCE, pages), 0))

    async with asyncio.TaskGroup() as lanes:
        for _ in range(LANES):
            lanes.create_task(lane())


_OTHERS: Mapping[str, Way] = {RUN: _run, FLOOR: _write_floor}


async def full_pace(control: Control, settings: Settings, stopwatch: Stopwatch) -> Stopwatch:
    """A run to its end: settling on the stopwatch that is given, verification on the one that is returned."""
    verifying = Stopwatch(stopwatch.connection)
    await stopwatch.begin()
    pace = default_pace(settings).with_changes(FULL_PACE)
    run, _ = await control.enqueue(BACKFILL, pace, requested_by="benchmark")
    run = await until(control, run.id, lambda run: run.state not in (State.QUEUED, State.RUNNING))
    await stopwatch.end()
    await verifying.begin()
    run = await until(control, run.id, lambda run: run.done)
    await verifying.end()
    if run.state is not State.SUCCEEDED:
        raise RuntimeError(f"the run ended {run.state}: {run.error}")
    return verifying


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
async def worker_process(settings: Settings, **more: str) -> AsyncIterator[Process]:
    """The process that an operator starts, ready for work; ended by SIGTERM, as a deployment does. `more`: variables of
    its environment."""
    given = ALLOCATOR | more
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ARQ, "worker.main.WorkerSettings"),
        cwd=ROOT,
        env=environment_of(settings, BACKFILL_PARALLEL=str(settings.parallel), BACKFILL_LOG_LEVEL="INFO", **given),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        await _read_until_ready(process.stdout)
        rest = asyncio.create_task(process.stdout.read())  # a pipe that nobody reads would stop it
        yield process
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
