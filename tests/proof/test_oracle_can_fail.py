"""The oracle finds what it is there to find: in a right database, each breach of a rule is reported as just that."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from backfill.urls import ServerUrls
from tests.proof.findings import RULES
from tests.proof.history import install_history
from tests.proof.journal import ANYTHING, Change, Journal, Transaction
from tests.proof.oracle import violations, violations_in
from tests.proof.settling import settle_everything
from tests.proof.test_control_runs import fill
from tests.proof.traffic import ApplicationError, LiveTraffic, Load
from tests.support.databases import migrate, new_database
from tests.support.waiting import wait_until
from worker.demo.old_data import OldDataShape

# So many projects that the traffic leaves some alone: there is something to spoil for every breach.
SHAPE = OldDataShape(projects=300, generations=1_500, giant_share=0.1, ties=True)
SQL = Path(__file__).with_name("sql")
_SECTION = re.compile(r"^-- (\w+: .+)\n((?:.+\n)+)", re.MULTILINE)
BREACHES = dict(_SECTION.findall((SQL / "breaches.sql").read_text(encoding="utf-8")))
ADD_ARTIFACT = (
    "INSERT INTO artifacts (id, generation_id, type, storage_url)"
    " SELECT $1, min(id), 'zip', 's3://doubt' FROM generations"
)


@dataclass(frozen=True, slots=True)
class Right:
    connection: asyncpg.Connection[asyncpg.Record]
    journal: Journal


@pytest.fixture(scope="module")
async def made(servers: ServerUrls, template_e011: str) -> AsyncIterator[Right]:
    """A backfilled database on which both releases have written, and what they were told."""
    async with new_database(servers.database_url, template=template_e011) as url:
        await fill(url, SHAPE)
        migrate(url, "head")
        await install_history(url)
        journal = Journal()
        async with LiveTraffic(url, journal, Load(seed=5, connections=4)) as traffic:
            await settle_everything(url)
            await wait_until(lambda: journal.acknowledged > 200, 60)
            before = journal.acknowledged
            await traffic.roll_out_next_release()
            await wait_until(lambda: journal.acknowledged > before + 500, 60)
        assert await violations(url, journal, traffic.errors) == []
        connection = await asyncpg.connect(url)
        yield Right(connection=connection, journal=journal)
        await connection.close()


@pytest.fixture
async def right(made: Right) -> AsyncIterator[Right]:
    """In a transaction that is rolled back, whatever is spoilt in it."""
    transaction = made.connection.transaction(isolation="repeatable_read")
    await transaction.start()
    yield made
    await transaction.rollback()


# A live row whose number is another one may have had one that was reserved for it.
ALSO_BROKEN = {"order": {"kept"}}


def rules_in(found: list[str]) -> set[str]:
    return {sentence.partition(":")[0] for sentence in found}


@pytest.mark.parametrize(("breach", "sql"), BREACHES.items(), ids=BREACHES.keys())
async def test_a_breach_is_reported_as_what_it_is(right: Right, breach: str, sql: str) -> None:
    await right.connection.execute((SQL / "prepare_breaches.sql").read_text(encoding="utf-8"))
    done = await right.connection.execute(sql)
    assert not done.endswith(" 0"), "there was nothing to spoil"

    found = await violations_in(right.connection, right.journal, [])

    rule = breach.partition(":")[0]
    also = ALSO_BROKEN.get(rule, set())
    assert rules_in(found) - also == {rule}, found


async def test_an_application_error_is_reported(right: Right) -> None:
    error = ApplicationError(kind="create_generation", sqlstate="40P01", message="deadlock detected")

    assert await violations_in(right.connection, right.journal, [error]) == [f"errors: {error}"]


@pytest.mark.parametrize(("happened", "rules"), [(0, set()), (1, {"atomic"}), (2, set())])
async def test_of_a_transaction_of_unknown_outcome_all_or_nothing_is_there(
    right: Right, happened: int, rules: set[str]
) -> None:
    journal = deepcopy(right.journal)
    doubtful = Transaction(kind="create_artifacts")
    unknown = dict.fromkeys(("generation_id", "created_at", "updated_at"), ANYTHING)
    known = {"type": "zip", "storage_url": "s3://doubt", "file_size": None, "file_metadata": None}
    for artifact_id in ("first", "second"):
        doubtful.write(Change.INSERT, "artifacts", artifact_id, {"id": artifact_id, **unknown, **known})
    journal.unknown(doubtful)

    for artifact_id in ("first", "second")[:happened]:
        await right.connection.execute(ADD_ARTIFACT, artifact_id)

    assert rules_in(await violations_in(right.connection, journal, [])) == rules


def test_every_rule_is_broken_once_here() -> None:
    assert {breach.partition(":")[0] for breach in BREACHES} | {"errors", "atomic"} == RULES.keys()
