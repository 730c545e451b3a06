from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from backfill.runs.errors import DatabaseUnreachable, NotFound, SchemaNotReady, UsageError
from backfill.sql.database import open_engine
from backfill.urls import ServerUrls
from tests.support.databases import migrate, new_database
from tests.support.waiting import wait_until
from worker.demo.old_application import OldApplication, Traffic
from worker.demo.old_data import OldDataShape, create_old_data

MODULE = ("-m", "worker.demo.old_application")
ALL_KINDS = {
    "begin_generation",
    "complete_generation",
    "create_generation",
    "create_in_two_projects",
    "create_project",
    "create_several",
    "delete_generation",
    "fail_generation",
    "read_generation",
    "revise_generation",
}
NOTHING_LISTENS_HERE = "postgresql://codebegen:not-to-be-shown@127.0.0.1:1/codebegen"

SOMEBODY_WAITS = (
    "SELECT count(*) > 0 FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database "
    "WHERE NOT l.granted AND d.datname = current_database()"
)


@pytest.fixture
async def old_data(database_e011: str) -> str:
    """URL of a small database with old data."""
    engine = open_engine(database_e011, application_name="test")
    await create_old_data(engine, OldDataShape(projects=60, generations=600))
    await engine.dispose()
    return database_e011


@pytest.fixture
async def onlooker(old_data: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(old_data)
    yield connection
    await connection.close()


def busy(**more: Any) -> Traffic:
    return Traffic(**{"connections": 4, "transactions_per_second": 0, "deletes_percent": 5, **more})


def done(application: OldApplication, kind: str) -> int:
    found = application.summary().kinds.get(kind)
    return found.transactions if found else 0


def has_done(application: OldApplication, number: int) -> Callable[[], bool]:
    """Whether that many more transactions have committed since now."""
    wanted = application.summary().transactions + number
    return lambda: application.summary().transactions >= wanted


async def test_every_kind_of_transaction_happens_without_an_error(old_data: str) -> None:
    async with OldApplication(old_data, busy()) as application:
        await wait_until(lambda: all(done(application, kind) >= 3 for kind in ALL_KINDS), deadline_seconds=30)

    summary = application.summary()
    assert set(summary.kinds) == ALL_KINDS
    assert summary.failures == ()
    assert summary.errors == 0


async def test_the_rows_are_what_the_transactions_say(old_data: str, onlooker: asyncpg.Connection) -> None:
    before = await onlooker.fetchrow("SELECT (SELECT count(*) FROM projects), (SELECT count(*) FROM generations)")
    assert before is not None

    async with OldApplication(old_data, busy()) as application:
        await wait_until(lambda: all(done(application, kind) >= 3 for kind in ALL_KINDS), deadline_seconds=30)

    projects, generations = before
    deleted = done(application, "delete_generation")
    created = done(application, "create_generation") + done(application, "create_project")
    at_least = created + done(application, "create_in_two_projects") + 3 * done(application, "create_several") - deleted
    at_most = at_least + done(application, "create_in_two_projects") + 2 * done(application, "create_several")
    assert await onlooker.fetchval("SELECT count(*) FROM projects") == projects + done(application, "create_project")
    assert (
        generations + at_least <= await onlooker.fetchval("SELECT count(*) FROM generations") <= generations + at_most
    )
    assert await onlooker.fetchval(
        "SELECT count(*) FROM generations WHERE status = 'completed' AND created_at > now() - interval '1 hour' "
        "AND length(output_files::text) > 1000 AND quality_score BETWEEN 0.5 AND 1"
    )
    assert not await onlooker.fetchval(
        "SELECT count(*) FROM generations WHERE (status = 'completed') <> (output_files IS NOT NULL)"
    )


async def test_it_works_on_old_generations_too(old_data: str, onlooker: asyncpg.Connection) -> None:
    unfinished = "SELECT count(*) FROM generations WHERE status <> 'completed' AND created_at < '2025-01-02'"
    before = await onlooker.fetchval(unfinished)

    async with OldApplication(old_data, busy()) as application:
        await wait_until(lambda: done(application, "complete_generation") >= 100, deadline_seconds=30)

    assert await onlooker.fetchval(unfinished) < before


async def test_it_deletes_no_generation_that_has_children(old_data: str, onlooker: asyncpg.Connection) -> None:
    await onlooker.execute(
        "UPDATE generations SET status = 'processing' WHERE id IN (SELECT id FROM generations LIMIT 500)"
    )

    async with OldApplication(old_data, busy(deletes_percent=30)) as application:
        await wait_until(lambda: done(application, "delete_generation") >= 200, deadline_seconds=30)

    assert application.summary().failures == ()


async def test_it_starts_from_an_empty_database(database_e011: str) -> None:
    async with OldApplication(database_e011, busy()) as application:
        await wait_until(lambda: set(application.summary().kinds) == ALL_KINDS, deadline_seconds=30)

    assert application.summary().errors == 0


async def test_it_does_not_notice_the_migration(old_data: str) -> None:
    traffic = Traffic(connections=4, transactions_per_second=100, deletes_percent=0)
    async with OldApplication(old_data, traffic) as application:
        await wait_until(has_done(application, 50))
        application.phase("migration")
        await asyncio.to_thread(migrate, old_data, "head")
        application.phase("after")
        await wait_until(has_done(application, 100))

    assert [summary.failures for summary in application.summaries()] == [(), (), ()]


async def test_it_keeps_its_rate(old_data: str) -> None:
    async with OldApplication(old_data, Traffic(connections=4, transactions_per_second=50)) as application:
        await wait_until(lambda: application.summary().seconds >= 2)
        summary = application.summary()

    assert summary.transactions_per_second == pytest.approx(50, rel=0.2)
    assert summary.missed == 0


async def test_a_stall_counts_for_every_transaction_that_was_due(old_data: str, onlooker: asyncpg.Connection) -> None:
    async with OldApplication(old_data, Traffic(connections=4, transactions_per_second=100)) as application:
        await wait_until(has_done(application, 20))
        application.phase("stall")
        async with onlooker.transaction():
            await onlooker.execute("LOCK TABLE generations")
            await wait_until(lambda: application.summary().seconds >= 1)
        await wait_until(has_done(application, 50))

    # Four connections waited; had only their transactions been slow, the median would not show it.
    p50_ms, p99_ms = application.summary("stall").p50_ms, application.summary("stall").p99_ms
    assert p50_ms is not None
    assert p99_ms is not None
    assert p50_ms > 200
    assert p99_ms > 800


async def test_a_transaction_counts_as_the_phase_it_began_in(old_data: str, onlooker: asyncpg.Connection) -> None:
    async with OldApplication(old_data, busy(connections=1)) as application:
        async with onlooker.transaction():
            await onlooker.execute("LOCK TABLE generations, projects")
            await wait_until(lambda: onlooker.fetchval(SOMEBODY_WAITS))
            application.phase("next")
            await wait_until(lambda: application.summary().seconds >= 0.3)
            assert application.summary().transactions == 0
        await wait_until(has_done(application, 1))

    before, after = application.summaries()
    assert before.max_ms is not None
    assert before.max_ms >= 300
    assert after.transactions > 0


async def test_failures_are_counted_with_their_reason_and_without_row_values(
    old_data: str, onlooker: asyncpg.Connection
) -> None:
    await onlooker.execute("ALTER TABLE generations ADD CONSTRAINT none_fails CHECK (status <> 'failed') NOT VALID")

    async with OldApplication(old_data, busy()) as application:
        await wait_until(lambda: application.summary().errors >= 2, deadline_seconds=30)
        await wait_until(has_done(application, 50))

    summary = application.summary()
    # Who writes anything to a row that has failed before meets the constraint as well.
    assert {failure.sqlstate for failure in summary.failures} == {"23514"}
    counts = {failure.kind: failure.count for failure in summary.failures}
    assert counts["fail_generation"] == summary.kinds["fail_generation"].errors > 0
    assert sum(counts.values()) == summary.errors
    assert {failure.message for failure in summary.failures} == {
        'new row for relation "generations" violates check constraint "none_fails"'
    }


async def test_lost_connections_are_errors_and_are_opened_again(old_data: str, onlooker: asyncpg.Connection) -> None:
    async with OldApplication(old_data, busy()) as application:
        await wait_until(has_done(application, 20))
        await onlooker.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'old-application' AND datname = current_database()"
        )
        await wait_until(lambda: application.summary().errors >= 4)
        await wait_until(has_done(application, 50))

    assert 4 <= application.summary().errors <= 8


async def test_a_phase_that_never_was_has_no_summary(old_data: str) -> None:
    async with OldApplication(old_data, Traffic()) as application:
        with pytest.raises(NotFound, match="before"):
            application.summary("after")


async def test_without_a_server_it_says_so() -> None:
    with pytest.raises(DatabaseUnreachable, match="nothing listens"):
        await OldApplication(NOTHING_LISTENS_HERE, Traffic()).__aenter__()


async def test_without_tables_it_says_so(servers: ServerUrls) -> None:
    async with new_database(servers.database_url) as url:
        with pytest.raises(SchemaNotReady, match="alembic upgrade"):
            await OldApplication(url, Traffic()).__aenter__()


@pytest.mark.parametrize(
    "wrong",
    [{"connections": 0}, {"transactions_per_second": -1.0}, {"deletes_percent": 51.0}, {"deletes_percent": -1.0}],
)
def test_traffic_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Traffic(**wrong)
