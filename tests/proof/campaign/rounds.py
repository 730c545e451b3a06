"""One round: a database of its own, the application at work, the faults of its plan, and then the reckoning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from backfill.runs.states import State
from backfill.settings import Settings
from backfill.sql.database import open_engine
from backfill.sql.files import read_sql
from backfill.wiring import default_pace, open_service
from tests.proof import oracle
from tests.proof.campaign.blows import BLOWS
from tests.proof.campaign.ledger import Ledger, Violation
from tests.proof.campaign.lookout import ENDS, Lookout, Sight
from tests.proof.campaign.operating import FULL_PACE, Operator
from tests.proof.campaign.plan import RoundPlan
from tests.proof.campaign.scene import Scene, beside
from tests.proof.campaign.workforce import Workforce
from tests.proof.history import install_history
from tests.proof.journal import Journal
from tests.proof.traffic import LiveTraffic, Load
from tests.support.commands import environment_for
from tests.support.cutting_proxy import cutting_proxy
from tests.support.databases import migrate, new_database
from tests.support.expected import breaches
from tests.support.own_servers import OwnServers
from tests.support.waiting import wait_until
from worker.demo.old_data import OldDataShape, create_old_data

PROJECTS, GENERATIONS = 1_500, 12_000
CONNECTIONS, TRANSACTIONS_PER_SECOND = 5, 80.0
WRITES_BEFORE_UPGRADE, WRITES_BESIDE_NEXT_RELEASE = 50, 250
WRITING_SECONDS, END_SECONDS, ROUND_SECONDS = 120.0, 300.0, 900.0
LOSE_ONE_IN = 3
_SQL = Path(__file__).with_name("sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Where rounds are held: `template_url` is an empty database with the application's schema of today."""

    servers: OwnServers
    template_url: str
    logs: Path


@dataclass(slots=True, kw_only=True)
class Place:
    """Of one round; `url` leads to its database, `wrong` is what is found on the way. Once it is `upgraded`, there is a
    history for the oracle."""

    field: Field
    url: str
    plan: RoundPlan
    ledger: Ledger
    wrong: list[str]
    upgraded: bool = False

    @property
    def logs(self) -> Path:
        folder = self.field.logs / f"round-{self.plan.seed}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


async def play(field: Field, plan: RoundPlan, ledger: Ledger) -> None:
    """Whatever is found wrong goes into the ledger. Raises nothing but bugs and cancellation."""
    with field.servers.valkey() as valkey:
        valkey.flushall()
    async with _old_database(field, plan) as url:
        journal = Journal()
        load = Load(seed=plan.seed, connections=CONNECTIONS, transactions_per_second=TRANSACTIONS_PER_SECOND)
        traffic = LiveTraffic(url, journal, load)
        wrong: list[str] = []
        place = Place(field=field, url=url, plan=plan, ledger=ledger, wrong=wrong)
        succeeded = False
        try:
            async with asyncio.timeout(ROUND_SECONDS):
                succeeded = await _live_through(place, journal, traffic)
        except (AssertionError, TimeoutError) as error:
            wrong.append(f"the round broke off: {error!r}")
        finally:
            ledger.journalled(journal)
        if place.upgraded:
            wrong += await oracle.violations(url, journal, traffic.errors, finished=succeeded)
            wrong += [f"verification: {rule}" for rule in await breaches(url)]
    ledger.rounds += 1
    ledger.violations += [Violation(seed=plan.seed, what=what) for what in wrong]


async def _live_through(place: Place, journal: Journal, traffic: LiveTraffic) -> bool:
    """The application's life before, while and after its data is filled; whether it was."""
    before = place.plan.upgrade_under_traffic
    if not before:
        await _upgrade(place)
    async with traffic:
        if before:
            await _until_written(journal, WRITES_BEFORE_UPGRADE)
            await _upgrade(place)
        succeeded = await _backfill(place, traffic)
        await traffic.roll_out_next_release()
        await _until_written(journal, WRITES_BESIDE_NEXT_RELEASE)
    return succeeded


async def _upgrade(place: Place) -> None:
    await asyncio.to_thread(migrate, place.url, "head")
    await install_history(place.url)
    place.upgraded = True


async def _backfill(place: Place, traffic: LiveTraffic) -> bool:
    servers, ledger = place.field.servers, place.ledger
    urls = {"database_url": place.url, "redis_url": servers.urls.redis_url}
    settings = Settings.model_validate({**urls, "pace": "fixed"})
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service(settings, application_name="campaign"))
        workers_url, proxy = await stack.enter_async_context(cutting_proxy(place.url, cuts=0, one_in=LOSE_ONE_IN))
        env = environment_for(database_url=workers_url, redis_url=servers.urls.redis_url)
        workforce = await stack.enter_async_context(Workforce(env, place.logs, ledger, place.wrong))
        lookout = Lookout(service.redis, settings.redis_prefix)
        operator = Operator(service.control, lookout, ledger, default_pace(settings).with_changes(place.plan.pace))
        await stack.enter_async_context(beside(lookout.look(), operator.attend()))
        scene = Scene(
            servers=servers,
            database_url=place.url,
            traffic=traffic,
            proxy=proxy,
            workforce=workforce,
            lookout=lookout,
            operator=operator,
            ledger=ledger,
        )
        stack.callback(scene.end_what_lasts)
        end = await _disturb(scene, place.plan)
        ledger.contended += await _settled(place.url, lookout.contended)
    if end.state is not State.SUCCEEDED:
        place.wrong.append(f"the run {end.run_id} is {end.state}: {end.error}")
    return end.state is State.SUCCEEDED


async def _disturb(scene: Scene, plan: RoundPlan) -> Sight:
    """From the beginning of the run to its end, with the faults of the plan in between."""
    for _ in range(plan.workers):
        await scene.workforce.add()
    await scene.operator.enqueue()
    await scene.lookout.until(lambda sight: sight.worked_on)
    for fault in plan.faults:
        await scene.let_pass(fault.after_seconds)
        done = not scene.ended.is_set() and await BLOWS[fault.kind](scene, fault)
        (scene.ledger.faults if done else scene.ledger.not_reached)[fault.kind] += 1
    await scene.operator.set_pace(FULL_PACE)
    await scene.wait_for_what_lasts()
    return await scene.lookout.until(lambda sight: sight.state in ENDS, deadline_seconds=END_SECONDS)


async def _until_written(journal: Journal, transactions: int) -> None:
    """So many more than now."""
    wanted = journal.acknowledged + transactions
    await wait_until(lambda: journal.acknowledged >= wanted, WRITING_SECONDS)


async def _settled(url: str, units: Collection[str]) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(read_sql(_SQL / "count_settled.sql"), list(units)))
    finally:
        await connection.close()


@asynccontextmanager
async def _old_database(field: Field, plan: RoundPlan) -> AsyncIterator[str]:
    """With data as it was before the migration, other data in every round."""
    async with new_database(field.servers.urls.database_url, template=field.template_url) as url:
        engine = open_engine(url, application_name="campaign", command_timeout_seconds=None)
        try:
            shape = OldDataShape(projects=PROJECTS, generations=GENERATIONS, ties=plan.ties, seed=plan.seed)
            await create_old_data(engine, shape)
        finally:
            await engine.dispose()
        yield url
