"""A proof of the files: old data and old files, the application at work on both layouts, the runs, and their faults."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from backfill.runs.record import Run
from backfill.runs.states import AT_REST, State
from backfill.settings import Settings
from backfill.sql.database import open_engine
from backfill.urls import ServerUrls
from backfill.wiring import Service, open_service
from tests.proof.campaign.ledger import Ledger
from tests.proof.campaign.workforce import Workforce
from tests.proof.files.applications import Applications
from tests.proof.files.disk import Disk
from tests.proof.files.oracle import examine
from tests.proof.files.outcome import Outcome
from tests.proof.files.plan import Blow, Plan
from tests.support.commands import environment_for
from tests.support.databases import migrate, new_database
from tests.support.forked import backfill
from tests.support.store_model import forget
from tests.support.waiting import again_and_again, wait_until
from worker.demo.old_data import OldDataShape, create_old_data
from worker.demo.old_files import create_old_files

OLD_REVISION = "e011ab9dd223"
VERSIONS, SIZES, FILES = "generation-versions", "generation-sizes", "generation-files"
LOOK_EVERY_SECONDS = 0.05
RUN_SECONDS, GO_ON_SECONDS, FULL_SECONDS = 3600.0, 180.0, 120.0
MOST_TIMES_PUT_RIGHT = 10


Tell = Callable[[str], None]
"""Gets a sentence whenever something has happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where it takes place. `disk` is None where none can be filled up."""

    urls: ServerUrls
    root: Path
    disk: Disk | None
    logs: Path


@dataclass(slots=True, kw_only=True)
class Course:
    plan: Plan
    env: Mapping[str, str]
    disk: Disk | None
    service: Service
    workforce: Workforce
    outcome: Outcome
    chance: random.Random
    tell: Tell

    async def run(self, name: str, blows: list[tuple[float, Blow]]) -> None:
        """A run to its end, however often it has to be put right; those of `blows` that are reached are taken off."""
        run_id = (await self._command("enqueue", name, "--json"))["id"]
        async with asyncio.timeout(RUN_SECONDS):
            run = await self._attend(run_id, blows)
            for _ in range(MOST_TIMES_PUT_RIGHT):
                self.tell(f"{name} {run.state}: {run.counts.rows_written} rows written, {run.error or 'no error'}")
                if run.state is State.SUCCEEDED:
                    return
                action = "resume" if run.state is State.PAUSED else "retry"
                self.outcome.put_right[f"{name}: {action}"] += 1
                await self._command(action, run_id, "--json")
                run = await self._attend(run_id, blows)
        self.outcome.wrong.append(f"{name} ended {run.state}: {run.error}")

    async def _attend(self, run_id: str, blows: list[tuple[float, Blow]]) -> Run:
        async for _ in again_and_again(LOOK_EVERY_SECONDS):
            run = await self.service.control.get(run_id)
            if run.state in AT_REST:
                return run
            if blows and _share(run) >= blows[0][0]:
                _, blow = blows.pop(0)
                await self._strike(run, blow)
        raise AssertionError("unreachable")

    async def _strike(self, run: Run, blow: Blow) -> None:
        """Returns when the run goes on."""
        if blow is Blow.FULL_DISK:
            if self.disk is None:
                return
            await self._fill(self.disk, run)
        else:
            worker = self.workforce.choose(self.chance)
            if worker is None:
                return
            await self.workforce.kill(worker)
            await wait_until(lambda: self._goes_on(run), GO_ON_SECONDS)
        self.outcome.blows[blow] += 1
        self.tell(f"{blow} at {_share(run):.0%} of {run.backfill}")

    async def _fill(self, disk: Disk, run: Run) -> None:
        """Until the run has met it."""
        disk.fill()
        try:
            await wait_until(lambda: self._has_met_trouble(run), FULL_SECONDS)
        finally:
            disk.free()

    async def _has_met_trouble(self, before: Run) -> bool:
        now = await self.service.control.get(before.id)
        return now.state in AT_REST or len(now.quarantined) > len(before.quarantined)

    async def _goes_on(self, before: Run) -> bool:
        now = await self.service.control.get(before.id)
        moved = now.counts.units_done > before.counts.units_done or now.units_checked > before.units_checked
        return moved or now.state is not before.state

    async def _command(self, *arguments: str) -> dict[str, str]:
        done = await asyncio.to_thread(backfill, *arguments, env=self.env)
        assert done.returncode == 0, done.stderr
        document: dict[str, str] = json.loads(done.stdout)
        return document


async def prove(place: Place, plan: Plan, outcome: Outcome, tell: Tell) -> None:
    """Whatever is found wrong goes into the outcome."""
    tell(f"seed {plan.seed}: writing {plan.generations} generations and their files in {place.root}")
    async with _database(place, plan, outcome) as url, AsyncExitStack() as stack:
        prefix = f"proof-{token_hex(4)}"
        env = environment_for(
            database_url=url,
            redis_url=place.urls.redis_url,
            FILE_STORAGE_PATH=str(place.root),
            BACKFILL_REDIS_PREFIX=prefix,
            BACKFILL_DEFINITIONS="worker.generations,worker.files",
        )
        settings = Settings.model_validate(
            {"database_url": url, "redis_url": place.urls.redis_url, "redis_prefix": prefix, "pace": "fixed"}
        )
        service = await stack.enter_async_context(open_service(settings, application_name="proof"))
        stack.push_async_callback(forget, service.redis, prefix)
        workforce = await stack.enter_async_context(Workforce(env, place.logs, Ledger(), outcome.wrong))
        course = Course(
            plan=plan,
            env=env,
            disk=place.disk,
            service=service,
            workforce=workforce,
            outcome=outcome,
            chance=random.Random(plan.seed),
            tell=tell,
        )
        await _live_through(course, place, url)


async def _live_through(course: Course, place: Place, url: str) -> None:
    plan, outcome, blows = course.plan, course.outcome, course.plan.blows
    marked = await asyncio.to_thread(backfill, "files-root", "--create", env=course.env)
    assert marked.returncode == 0, marked.stderr
    for _ in range(plan.workers):
        await course.workforce.add()
    await course.run(VERSIONS, [])
    speed = f"--operations-per-second={plan.operations_per_second}"
    applications = await Applications.start(
        place.root, course.env, place.logs, speed, f"--seed={plan.seed}", shares=plan.shares
    )
    try:
        began = time.monotonic()
        await course.run(SIZES, [])
        await course.run(FILES, blows)
        outcome.seconds = time.monotonic() - began
        stopped = await applications.stop()
    finally:
        applications.end()
    outcome.account = stopped.account
    course.tell(f"the application has stopped after {stopped.account.reads.total()} reads")
    await course.run(FILES, [])
    verified = await asyncio.to_thread(backfill, "verify", "--backfill", FILES, env=course.env, timeout=RUN_SECONDS)
    if verified.returncode != 0:
        outcome.wrong.append(f"backfill verify ended with {verified.returncode}: {verified.stderr or verified.stdout}")
    outcome.found = await examine(url, place.root, stopped.ledger)


@asynccontextmanager
async def _database(place: Place, plan: Plan, outcome: Outcome) -> AsyncIterator[str]:
    """With old data, and old files beside it."""
    async with new_database(place.urls.database_url) as url:
        await asyncio.to_thread(migrate, url, OLD_REVISION)
        engine = open_engine(url, application_name="proof", command_timeout_seconds=None)
        try:
            shape = OldDataShape(projects=plan.projects, generations=plan.generations, seed=plan.seed)
            await create_old_data(engine, shape)
            old = await create_old_files(engine, place.root, plan.seed)
        finally:
            await engine.dispose()
        outcome.generations, outcome.files = plan.generations, old.files
        await asyncio.to_thread(migrate, url, "head")
        yield url


def _share(run: Run) -> float:
    """What is left when everything has been passed comes while it is verified."""
    if run.state is State.VERIFYING:
        return 1.0
    counts = run.counts
    return counts.rows_done / counts.rows_total if counts.rows_total else 0.0
