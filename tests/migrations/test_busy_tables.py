from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from typing import Any

import pytest

from tests.conftest import Connect, Spawn
from tests.migrations.support import ALEMBIC, HEAD, OLD_REVISION, Application, alembic
from tests.support.commands import Spawned, environment_for
from tests.support.waiting import in_time, wait_until

LONGEST_WAIT_SECONDS = 1.0
FUNCTIONS = (
    "generations_number_before_insert",
    "generations_activate_completed",
    "generations_raise_after_insert",
    "generations_renumber_before_move",
    "projects_latest_version_before_update",
    "projects_reserve_numbers",
)


class Traffic:
    """One statement of the application after the other; `longest` is the slowest one's time in seconds."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.statements = 0

    def __str__(self) -> str:
        return f"{self.statements} statements, the slowest took {self.longest:.2f} s"

    @asynccontextmanager
    async def of(self, statement: Callable[[int], Awaitable[object]]) -> AsyncIterator[None]:
        over = asyncio.Event()

        async def go_on() -> None:
            for number in count():
                if over.is_set():
                    return
                began = time.monotonic()
                await statement(number)
                self.longest = max(self.longest, time.monotonic() - began)
                self.statements += 1

        async with asyncio.TaskGroup() as group:
            group.create_task(go_on())
            try:
                yield
            finally:
                over.set()


@pytest.fixture
async def old_application(database_e011: str, connect: Connect) -> Application:
    application = Application(await connect(database_e011))
    await application.add_user()
    await application.add_settled_project("p", "a")
    return application


@pytest.fixture
async def reader(database_e011: str, connect: Connect) -> Any:
    return await connect(database_e011)


@pytest.fixture
async def writer(old_application: Application, database_e011: str, connect: Connect) -> Application:
    return Application(await connect(database_e011))


@pytest.fixture
def upgrade(database_e011: str, spawn: Spawn) -> Callable[[], Spawned]:
    return lambda: spawn(*ALEMBIC, "upgrade", "head", env=environment_for(database_url=database_e011))


@pytest.fixture
async def idle(database_e011: str, connect: Connect) -> Any:
    """A session that begins something and then does not go on."""
    connection = await connect(database_e011)
    await connection.execute("SET application_name = 'sleepy report'")
    return connection


@pytest.mark.parametrize(
    "last_statement",
    ["SELECT count(*) FROM generations", "UPDATE generations SET prompt = 'secret wish' WHERE id = 'a'"],
    ids=["reader", "writer"],
)
async def test_an_idle_transaction_holds_up_the_upgrade_but_not_the_application(
    idle: Any, reader: Any, writer: Application, upgrade: Callable[[], Spawned], last_statement: str
) -> None:
    reading, writing = Traffic(), Traffic()

    async with (
        reading.of(lambda _: reader.fetch("SELECT id, prompt FROM generations LIMIT 10")),
        writing.of(lambda number: writer.add(f"g{number}", "p")),
    ):
        async with idle.transaction():
            await idle.execute(last_statement)
            upgrading = upgrade()
            await wait_until(lambda: upgrading.log.count("waiting for generations: ") >= 2, 30)
        exit_code = await asyncio.to_thread(upgrading.wait)

    assert exit_code == 0, upgrading.log
    assert in_time(reading.longest, LONGEST_WAIT_SECONDS, str(reading))
    assert in_time(writing.longest, LONGEST_WAIT_SECONDS, str(writing))
    said = next(line for line in upgrading.log.splitlines() if "waiting for generations: " in line)
    assert f"pid {idle.get_server_pid()} (user " in said
    assert "application sleepy report, idle in transaction, transaction open for " in said
    assert "secret" not in upgrading.log


async def test_the_downgrade_waits_as_politely(
    database: str, connect: Connect, spawn: Spawn, application: Application
) -> None:
    await application.add_settled_project("p", "a")
    idle, reader = await connect(database), await connect(database)
    reading = Traffic()

    async with reading.of(lambda _: reader.fetch("SELECT id, prompt FROM generations LIMIT 10")):
        async with idle.transaction():
            await idle.execute("SELECT count(*) FROM generations")
            downgrade = spawn(*ALEMBIC, "downgrade", OLD_REVISION, env=environment_for(database_url=database))
            await wait_until(lambda: "waiting for generations: " in downgrade.log, 30)
        exit_code = await asyncio.to_thread(downgrade.wait)

    assert exit_code == 0, downgrade.log
    assert in_time(reading.longest, LONGEST_WAIT_SECONDS, str(reading))


@pytest.mark.parametrize(
    ("last_statement", "said"),
    [
        ("SELECT count(*) FROM generations", "error: No lock for adding columns to generations within "),
        ("UPDATE generations SET prompt = 'secret wish'", "error: Gave up waiting for generations: pid "),
    ],
    ids=["lock", "index"],
)
async def test_patience_ends_with_the_reason_and_the_next_upgrade_goes_on(
    old_application: Application, idle: Any, database_e011: str, last_statement: str, said: str
) -> None:
    async with idle.transaction():
        await idle.execute(last_statement)
        impatient = await asyncio.to_thread(
            alembic, "upgrade", "head", url=database_e011, BACKFILL_MIGRATION_PATIENCE_SECONDS="1"
        )
    again = await asyncio.to_thread(alembic, "upgrade", "head", url=database_e011)

    assert impatient.returncode == 8
    assert said in impatient.stderr
    assert "BACKFILL_MIGRATION_PATIENCE_SECONDS" in impatient.stderr
    assert "Traceback" not in impatient.stderr
    assert "secret" not in impatient.stderr
    assert again.returncode == 0
    assert (await asyncio.to_thread(alembic, "check", url=database_e011)).returncode == 0


async def test_ctrl_c_ends_the_waiting_with_a_sentence(
    old_application: Application, idle: Any, upgrade: Callable[[], Spawned]
) -> None:
    async with idle.transaction():
        await idle.execute("SELECT count(*) FROM generations")
        upgrading = upgrade()
        await wait_until(lambda: "waiting for generations: " in upgrading.log, 30)
        upgrading.kill(signal.SIGINT)
        exit_code = await asyncio.to_thread(upgrading.wait)

    assert exit_code == 130
    assert "error: Interrupted. " in upgrading.log
    assert "Traceback" not in upgrading.log


async def test_two_upgrades_at_once_take_turns(
    old_application: Application, idle: Any, database_e011: str, upgrade: Callable[[], Spawned]
) -> None:
    async with idle.transaction():
        await idle.execute("SELECT count(*) FROM generations")
        first = upgrade()
        await wait_until(lambda: "waiting for generations: " in first.log, 30)
        second = upgrade()
        await wait_until(lambda: "waiting for another migration on this database: pid " in second.log, 30)
        asked = await asyncio.to_thread(alembic, "current", url=database_e011)

    assert OLD_REVISION in asked.stdout, "a question need not wait for its turn"
    assert [await asyncio.to_thread(one.wait) for one in (first, second)] == [0, 0]
    revision = await old_application.connection.fetchval("SELECT version_num FROM alembic_version")
    assert revision == HEAD


async def test_nothing_is_locked_on_projects_while_the_key_waits_for_generations(
    application: Application, database: str, connect: Connect, spawn: Spawn
) -> None:
    """A writer of generations comes to projects next: the two would wait for each other, again at every try."""
    await application.add_settled_project("p", "a")
    observer = await connect(database)
    for name in FUNCTIONS:  # what comes before the key on the way back, and would wait for the writer already
        await observer.execute(f"DROP FUNCTION {name}() CASCADE")

    async with application.connection.transaction():
        await application.add("b", "p")
        downgrade = spawn(*ALEMBIC, "downgrade", OLD_REVISION, env=environment_for(database_url=database))
        await _until_waiting_for_generations(observer)
        held = await observer.fetchval(_LOCKS_HELD_ON_PROJECTS)
    exit_code = await asyncio.to_thread(downgrade.wait)

    assert (held, exit_code) == (0, 0)


async def test_an_application_that_is_busy_all_the_time_notices_neither_way(
    old_application: Application, database_e011: str, connect: Connect
) -> None:
    clients = [Application(await connect(database_e011)) for _ in range(3)]
    for number in range(3):
        await old_application.add_settled_project(f"p{number}", f"first{number}")
    traffic = Traffic()

    async with AsyncExitStack() as busy:
        for number, client in enumerate(clients):
            await busy.enter_async_context(traffic.of(partial(_live, client, number)))
        there = await asyncio.to_thread(alembic, "upgrade", "head", url=database_e011)
        back = await asyncio.to_thread(alembic, "downgrade", OLD_REVISION, url=database_e011)

    assert (there.returncode, back.returncode) == (0, 0), there.stderr + back.stderr
    assert in_time(traffic.longest, LONGEST_WAIT_SECONDS, str(traffic))


async def _live(client: Application, number: int, turn: int) -> None:
    """A generation's life, in one project of three."""
    generation = f"g{number}-{turn}"
    await client.add(generation, f"p{turn % 3}", minute=turn)
    await client.complete(generation)
    await client.connection.execute("UPDATE projects SET name = $2 WHERE id = $1", f"p{turn % 3}", generation)
    await client.connection.execute("DELETE FROM generations WHERE id = $1", generation)


async def _until_waiting_for_generations(observer: Any) -> None:
    async def waiting() -> bool:
        waits: bool = await observer.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'generations'::regclass AND NOT granted)"
        )
        return waits

    await wait_until(waiting, 30)


_LOCKS_HELD_ON_PROJECTS = (
    "SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)"
    " WHERE a.application_name = 'backfill-migration' AND l.relation = 'projects'::regclass AND l.granted"
)
