"""PgBouncer in transaction mode: a run works as it does directly, and the pool's other clients notice nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import pytest

from backfill.sql.database import open_engine
from backfill.urls import ServerUrls
from tests.conftest import Spawn
from tests.migrations.support import OLD_REVISION, alembic
from tests.support.cli import refusal
from tests.support.commands import environment_for, run_command
from tests.support.databases import migrate
from tests.support.expected import breaches
from tests.support.pgbouncer import (
    POOL_SIZE,
    Neighbour,
    find_pgbouncer,
    pgbouncer_in_front_of,
    statements_left_in_the_pool,
)
from tests.support.runs import BACKFILL, WORKER, enqueue, until_ready, wait_for_end
from tests.support.waiting import wait_until
from worker.demo.old_application import OldApplication, Traffic
from worker.demo.old_data import OldDataShape, create_old_data

pytestmark = pytest.mark.skipif(find_pgbouncer() is None, reason="pgbouncer is not installed")

SHAPE = OldDataShape(projects=300, generations=3_000)
Bounced = Callable[[str], str]


@pytest.fixture(scope="module")
def bounced(servers: ServerUrls) -> Iterator[Bounced]:
    """The same database's URL, but through PgBouncer."""
    with pgbouncer_in_front_of(servers.database_url) as bouncer:
        yield lambda url: urlsplit(bouncer)._replace(path=urlsplit(url).path).geturl()


async def test_a_run_under_traffic_is_verified_and_leaves_nothing_in_the_sessions_it_shared(
    database_e011: str, redis_url: str, bounced: Bounced, spawn: Spawn
) -> None:
    engine = open_engine(database_e011, application_name="test", command_timeout_seconds=None)
    await create_old_data(engine, SHAPE)
    await engine.dispose()
    through = bounced(database_e011)
    env = environment_for(database_url=through, redis_url=redis_url, BACKFILL_PGBOUNCER="true")
    neighbour = Neighbour(through)

    async with OldApplication(database_e011, Traffic(connections=3)) as application, neighbour.looking():
        await asyncio.to_thread(migrate, database_e011, "head")
        worker = spawn(*WORKER, env=env)
        await until_ready(worker)
        run = await asyncio.to_thread(lambda: wait_for_end(env, enqueue(env, "--batch-rows", "50")["id"]))
        examined, verified = await asyncio.gather(
            *(asyncio.to_thread(run_command, "backfill", name, env=env) for name in ("doctor", "verify"))
        )
        seen = application.summary()

    assert run["state"] == "succeeded", run
    assert (examined.returncode, verified.returncode) == (0, 0), examined.stdout + verified.stdout
    assert await breaches(database_e011) == []
    assert seen.failures == ()
    assert seen.transactions > 50
    assert neighbour.settings == set()
    assert neighbour.looks > 50
    assert await statements_left_in_the_pool(through) == []
    assert "Traceback" not in worker.log


async def test_without_the_switch_every_command_names_it(database: str, redis_url: str, bounced: Bounced) -> None:
    env = environment_for(database_url=bounced(database), redis_url=redis_url)
    commands = [("backfill", "doctor"), ("backfill", "enqueue", BACKFILL), ("alembic", "upgrade", "head"), WORKER]

    doctor, *others = await asyncio.gather(*(asyncio.to_thread(run_command, *command, env=env) for command in commands))

    assert doctor.returncode == 7
    assert all(
        "if it is PgBouncer, set BACKFILL_PGBOUNCER=true" in said
        for said in [doctor.stdout, *(refusal(done, 7) for done in others)]
    )


async def test_a_migration_works_while_it_has_the_pool_for_itself_and_leaves_nothing_in_it(
    database_e011: str, bounced: Bounced
) -> None:
    through = bounced(database_e011)
    neighbour = Neighbour(through)

    there = await asyncio.to_thread(alembic, "upgrade", "head", url=through, BACKFILL_PGBOUNCER="true")
    back = await asyncio.to_thread(alembic, "downgrade", OLD_REVISION, url=through, BACKFILL_PGBOUNCER="true")
    async with neighbour.looking():
        await wait_until(lambda: neighbour.looks > 10)

    assert (there.returncode, back.returncode) == (0, 0), there.stderr + back.stderr
    assert "better connect directly" in there.stderr
    assert neighbour.settings == set()


async def test_a_migration_that_the_pool_tears_apart_says_so_and_a_direct_one_goes_on(
    database_e011: str, bounced: Bounced
) -> None:
    through = bounced(database_e011)

    async with AsyncExitStack() as busy:
        for _ in range(2 * POOL_SIZE):
            await busy.enter_async_context(Neighbour(through).looking())
        torn = await asyncio.to_thread(alembic, "upgrade", "head", url=through, BACKFILL_PGBOUNCER="true")
    again = await asyncio.to_thread(alembic, "upgrade", "head", url=database_e011)

    assert torn.returncode == 2, torn.stderr
    assert "error: PgBouncer moved the migration to another session" in torn.stderr
    assert "Traceback" not in torn.stderr
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda url: urlsplit(url)._replace(path="/nowhere").geturl(), 'database "nowhere" does not exist'),
        (lambda url: url.replace(str(urlsplit(url).password), "hunter2"), "authentication failed"),
    ],
    ids=["database", "password"],
)
async def test_what_pgbouncer_refuses_is_told_with_its_reason(
    database: str, redis_url: str, bounced: Bounced, change: Bounced, says: str
) -> None:
    env = environment_for(database_url=change(bounced(database)), redis_url=redis_url, BACKFILL_PGBOUNCER="true")

    done = await asyncio.to_thread(run_command, "backfill", "verify", env=env)

    assert says in refusal(done, 7)
