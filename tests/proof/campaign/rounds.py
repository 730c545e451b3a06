"""One round: a database of its own, the application at work, the faults of its plan, and then the reckoning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from config.settings import Settings
from tests.proof import oracle
from tests.proof.campaign.blows import BLOWS
from tests.proof.campaign.ledger import Ledger, Violation
from tests.proof.campaign.lookout import Lookout
from tests.proof.campaign.operating import FULL_PACE, Operator
from tests.proof.campaign.plan import RoundPlan
from tests.proof.campaign.scene import Scene
from tests.proof.campaign.workforce import Workforce
from tests.proof.history import install_history
from tests.proof.journal import Journal
from tests.proof.traffic import LiveTraffic, Load
from tests.support.commands import environment_for
from tests.support.cutting_proxy import cutting_proxy
from tests.support.databases import migrate, new_database
from tests.support.expected import breaches
from tests.support.own_servers import OwnServers
from worker.database import open_engine
from worker.demo.old_data import OldDataShape, create_old_data
from worker.runs.states import State
from worker.sqlfiles import read_sql
from worker.wiring import default_pace, open_service

PROJECTS, GENERATIONS = 2_000, 20_000
CONNECTIONS, TRANSACTIONS_PER_SECOND = 5, 80.0
BEFORE_UPGRADE_SECONDS, NEXT_RELEASE_SECONDS = 1.0, 4.0
END_SECONDS = 300.0
LOSE_ONE_IN = 3
_SQL = Path(__file__).with_name("sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Where rounds are held: `template_url` is an empty database with the application's schema of today."""

    servers: OwnServers
    template_url: str
    logs: Path


async def play(field: Field, plan: RoundPlan, ledger: Ledger) -> None:
    """Whatever is found wrong goes into the ledger. Raises nothing but bugs and cancellation."""
    wrong: list[str] = []
    with field.servers.valkey() as valkey:
        valkey.flushall()
    async with old_database(field, plan) as url:
        journal = Journal()
        traffic = LiveTraffic(
            url,
            journal,
            Load(seed=plan.seed, connections=CONNECTIONS, transactions_per_second=TRANSACTIONS_PER_SECOND),
        )
        try:
            async with traffic:
                await _upgrade(url, plan, traffic)
                wrong += await _backfill(field, url, plan, traffic, ledger)
        except (AssertionError, TimeoutError) as error:
            wrong.append(f"the round broke off: {error}")
        ledger.writes.update(journal.ledger())
        wrong += await oracle.violations(url, journal, traffic.errors)
        wrong += [f"verification: {rule}" for rule in await breaches(url)]
    ledger.rounds += 1
    ledger.violations += [Violation(seed=plan.seed, what=what) for what in wrong]


@asynccontextmanager
async def old_database(field: Field, plan: RoundPlan) -> AsyncIterator[str]:
    """With data as it was before the migration, other data in every round."""
    async with new_database(field.servers.urls.database_url, template=field.template_url) as url:
        engine = open_engine(url, application_name="campaign", command_timeout_seconds=None)
        try:
            shape = OldDataShape(projects=PROJECTS, generations=GENERATIONS, ties=plan.ties, seed=plan.seed)
            await create_old_data(engine, shape)
        finally:
            await engine.dispose()
        yield url


