"""The whole job in front of one's eyes: old data, an application that keeps writing, migration, backfill, proof.

Nothing in it is staged but the data and the application: the migration, the worker and the commands are the ones that
an operator uses, as processes of their own. Whatever happens, they end with the demo.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from backfill.cli.verdict import outcomes
from backfill.cli.watching import watch
from backfill.runs.wording import counted
from backfill.settings import Settings
from backfill.sql.database import open_engine
from backfill.urls import ServerUrls
from backfill.wiring import Service, build_service
from worker.demo.children import Children
from worker.demo.files import (
    FILES,
    FILES_DEFINITIONS,
    MARK_ROOT,
    SIZES,
    largest_project,
    start_file_application,
    write_old_files,
)
from worker.demo.narration import Narrator, Stopwatch, sentence_of
from worker.demo.old_application import PhaseSummary, Traffic
from worker.demo.old_data import OldDataShape, create_old_data
from worker.demo.report import Backfilled, FilesBrought, Report, Takeover, Verification, backfilled
from worker.demo.stage import APPLICATION_NAME, Stage, choose_stage, cleared
from worker.demo.traffic import Application, Nobody, start_traffic
from worker.demo.working import Workshop

BACKFILL = "generation-versions"
REVISION_BEFORE = "e011ab9dd223"
STEPS = "backfill.alembic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """How much of everything. `kill_at` is a share of the rows; without it nobody is killed. `files`: one more act.

    `pace` holds options of `backfill enqueue`; one that is None is not given.
    """

    shape: OldDataShape
    traffic: Traffic | None
    pace: Mapping[str, int | None]
    kill_at: float | None
    baseline_seconds: float
    after_seconds: float
    files: bool
    keep: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What every act works with."""

    scenario: Scenario
    narrator: Narrator
    stage: Stage
    children: Children
    service: Service


async def perform(scenario: Scenario, settings: Settings, given: ServerUrls, narrator: Narrator) -> Report:
    """The demo, act by act. Raises OperatorError when one cannot be gone through with."""
    took = Stopwatch()
    stage = choose_stage(settings, given, definitions=[FILES_DEFINITIONS] if scenario.files else [])
    async with _set_up(scenario, stage, given, narrator) as demo:
        await write_old_data(demo)
        application = await begin_traffic(demo)
        await migrate(demo, application)
        workshop = await open_workshop(demo, application)
        done = await backfill(demo, workshop)
        phases = await end_traffic(demo, application)
        verification = await verify(demo)
        files = await bring_files(demo, workshop) if scenario.files else None
        return Report(
            stage=stage,
            backfilled=done,
            phases=phases,
            verification=verification,
            files=files,
            seconds=took.seconds,
        )


@asynccontextmanager
async def _set_up(scenario: Scenario, stage: Stage, given: ServerUrls, narrator: Narrator) -> AsyncIterator[Demo]:
    narrator.act("An empty database")
    async with AsyncExitStack() as stack:
        narrator.say(f"{stage.place}.")
        with narrator.busy("emptying it"):
            await stack.enter_async_context(cleared(stage, given, keep=scenario.keep, say=narrator.say))
        service = await build_service(stage.settings, stage.urls, stack, application_name=APPLICATION_NAME)
        children = await stack.enter_async_context(Children(stage.environment))
        yield Demo(scenario=scenario, narrator=narrator, stage=stage, children=children, service=service)


async def write_old_data(demo: Demo) -> None:
    narrator, shape = demo.narrator, demo.scenario.shape
    narrator.act("The application's data as it is today")
    await _upgrade(demo, REVISION_BEFORE)
    took = Stopwatch()
    with narrator.busy(f"writing {counted(shape.generations, 'generation')}"):
        engine = open_engine(
            demo.stage.urls.database_url, application_name=APPLICATION_NAME, command_timeout_seconds=None
        )
        try:
            await create_old_data(engine, shape)
        finally:
            await engine.dispose()
    narrator.say(f"{shape.size}, written in {took}.")


async def begin_traffic(demo: Demo) -> Application:
    """The application at work, and what it is like without anything else going on."""
    narrator, traffic, seconds = demo.narrator, demo.scenario.traffic, demo.scenario.baseline_seconds
    if traffic is None:
        return Nobody()
    narrator.act("The application at work; it knows nothing of what is to come")
    application = await start_traffic(demo.children, traffic, "before")
    rate = traffic.transactions_per_second
    speed = f"{rate:g} transactions/s" if rate else "as many transactions as it can"
    narrator.say(f"{counted(traffic.connections, 'connection')}, {speed}; {seconds:g} s alone, to compare with.")
    with narrator.busy("measuring"):
        await asyncio.sleep(seconds)
    return application


async def migrate(demo: Demo, application: Application) -> None:
    demo.narrator.act("The migration: additive, one short lock at a time, triggers last")
    await application.phase("migration")
    took = Stopwatch()
    steps = await _upgrade(demo, "head")
    demo.narrator.say(f"{counted(steps, 'step')}, {took}.")


async def open_workshop(demo: Demo, application: Application) -> Workshop:
    """With a worker that is ready for work."""
    demo.narrator.act("The backfill")
    await application.phase("backfill")
    workshop = Workshop(
        children=demo.children,
        control=demo.service.control,
        narrator=demo.narrator,
        kill_at=demo.scenario.kill_at,
    )
    with demo.narrator.busy("waiting for the worker"):
        await workshop.open(demo.service.redis, demo.stage.redis_prefix)
    return workshop


async def backfill(demo: Demo, workshop: Workshop) -> Backfilled:
    pace = demo.scenario.pace.items()
    options = [f"--{name.replace('_', '-')} {value}" for name, value in pace if value is not None]
    return await run_to_its_end(demo, workshop, " ".join([BACKFILL, *options]))


async def bring_files(demo: Demo, workshop: Workshop) -> FilesBrought:
    """The next step of the application: its files by project and version, while it works with both layouts."""
    narrator = demo.narrator
    narrator.act("The files as they are today, and an application that reads and writes two layouts")
    old = await write_old_files(demo.stage, narrator)
    marking = await demo.children.start(MARK_ROOT)
    narrator.command(MARK_ROOT)
    await marking.succeed()
    application = await start_file_application(demo.children, demo.stage.files)
    narrator.act("The files, brought over")
    sizes = await run_to_its_end(demo, workshop, SIZES)
    done = await run_to_its_end(demo, workshop, FILES)
    account = await application.stop()
    verify_files = f"backfill verify --backfill {FILES}"
    narrator.command(verify_files)
    verifying = await demo.children.start(verify_files)
    with narrator.busy("verifying"):
        await verifying.succeed()
    tree = await asyncio.to_thread(largest_project, demo.stage.files)
    return FilesBrought(old=old, sizes=sizes.run, files=done, account=account, tree=tree)


async def run_to_its_end(demo: Demo, workshop: Workshop, what: str) -> Backfilled:
    """`what` is the backfill and its options, as they are typed."""
    run_id = await _enqueue(demo, what)
    takeover = await _watch_and_attend(demo, workshop, run_id)
    control = demo.service.control
    return backfilled(await control.get(run_id), await control.events(run_id), takeover)


async def end_traffic(demo: Demo, application: Application) -> tuple[PhaseSummary, ...]:
    """What the application is like when all is done; then it stops."""
    if demo.scenario.traffic is None:
        return ()
    seconds = demo.scenario.after_seconds
    demo.narrator.act("The application afterwards")
    await application.phase("after")
    demo.narrator.say(f"{seconds:g} s more, numbered by the triggers; then it stops.")
    with demo.narrator.busy("measuring"):
        await asyncio.sleep(seconds)
        return await application.stop()


async def verify(demo: Demo) -> Verification:
    """Every rule on every project, now that nobody writes any more."""
    demo.narrator.act("The proof")
    took = Stopwatch()
    control = demo.service.control
    with demo.narrator.busy("verifying"):
        units, findings = await control.verify(BACKFILL)
    found = outcomes(control.backfill(BACKFILL).rules, findings)
    demo.narrator.say(f"{counted(len(found), 'rule')}, looked at in {counted(units, 'project')} in {took}.")
    return Verification(units=units, outcomes=found)


async def _upgrade(demo: Demo, revision: str) -> int:
    """With the real command; how many steps it took, each of them told."""
    steps: list[str] = []

    def heard(line: str) -> None:
        if (said := sentence_of(line, of=STEPS)) is not None:
            if not said.startswith("waiting"):
                steps.append(said)
            demo.narrator.say(f"  {said}", style="dim")

    words = f"alembic upgrade {revision}"
    demo.narrator.command(words)
    upgrade = await demo.children.start(words, heard=heard)
    with demo.narrator.busy("migrating"):
        await upgrade.succeed()
    return len(steps)


async def _enqueue(demo: Demo, what: str) -> str:
    words = f"backfill enqueue {what}"
    demo.narrator.command(words)
    enqueue = await demo.children.start(words, "--json")
    run_id: str = json.loads(await enqueue.succeed())["id"]
    return run_id


async def _watch_and_attend(demo: Demo, workshop: Workshop, run_id: str) -> Takeover | None:
    """Shows the run as `backfill watch` does, until it is at rest; meanwhile things happen to the worker."""
    demo.narrator.command(f"backfill watch {run_id}")
    watching = asyncio.create_task(watch(demo.service.control, run_id, demo.narrator.console))
    try:
        return await workshop.attend(run_id)
    except BaseException:
        watching.cancel()
        raise
    finally:
        await asyncio.gather(watching, return_exceptions=True)
