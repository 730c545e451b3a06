from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from backfill.sql.database import open_engine
from tests.conftest import Connect, Spawn
from tests.migrations.support import ALEMBIC, OLD_REVISION, Application, alembic, backend_waits, schema_dump
from tests.support.commands import environment_for
from tests.support.live_traffic import live_traffic
from tests.support.waiting import wait_until
from worker.demo.old_data import OldDataShape, create_old_data

TRIGGERS = (
    "projects_latest_version_before_update",
    "projects_reserve_before_update",
    "projects_reserve_after_insert",
    "generations_renumber_before_move",
    "generations_activate_after_update",
    "generations_activate_after_insert",
    "generations_raise_after_insert",
    "generations_number_before_insert",
)
RAISE_BARRIER = Path(__file__).with_name("raise_barrier.sql")
UPGRADE = (
    "%CREATE INDEX CONCURRENTLY%ix_generations_project_id_created_at_id%",
    "%CREATE INDEX CONCURRENTLY%ix_projects_created_at_id%",
    "ALTER TABLE public.generations%ADD COLUMN%",
    "ALTER TABLE public.projects%ADD COLUMN%",
    "%CREATE INDEX CONCURRENTLY%ix_projects_active_generation_id%",
    "%ADD CONSTRAINT fk_projects_active_generation%",
    "%VALIDATE CONSTRAINT fk_projects_active_generation%",
    "CREATE OR REPLACE FUNCTION public.projects_latest_version_before_update()%",
    *(f"CREATE OR REPLACE TRIGGER {name}%" for name in TRIGGERS),
    "UPDATE alembic_version%",
)
DOWNGRADE = (
    "DROP FUNCTION IF EXISTS public.projects_latest_version_before_update()%",
    "%LOCK TABLE public.generations, public.projects IN ACCESS EXCLUSIVE MODE;%DROP CONSTRAINT %",
    "%DROP INDEX CONCURRENTLY%ix_projects_active_generation_id%",
    "ALTER TABLE public.projects%DROP COLUMN%",
    "ALTER TABLE public.generations%DROP COLUMN%",
    "%DROP INDEX CONCURRENTLY%ix_generations_project_id_created_at_id%",
    "UPDATE alembic_version%",
)


class Barrier:
    """Stops the migrating session just before a statement, for as long as this one holds an advisory lock."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def raise_(self) -> None:
        await self._connection.execute(RAISE_BARRIER.read_text(encoding="utf-8"))

    async def move_before(self, statement: str) -> None:
        await self._connection.execute("UPDATE barrier.before SET statement = $1", statement)

    async def is_reached(self) -> bool:
        reached: bool = await self._connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE wait_event = 'advisory' AND datname = current_database())"
        )
        return reached

    async def is_left(self) -> bool:
        left: bool = await self._connection.fetchval(
            "SELECT NOT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE application_name = 'backfill-migration' AND datname = current_database())"
        )
        return left

    async def fall(self) -> None:
        await self._connection.execute("SELECT pg_advisory_unlock(1, 1)")
        await self._connection.execute("DROP EVENT TRIGGER barrier")
        await self._connection.execute("DROP SCHEMA barrier CASCADE")


async def test_an_upgrade_killed_before_each_of_its_steps_goes_on_where_it_was(
    database_e011: str, database: str, connect: Connect, spawn: Spawn
) -> None:
    barrier = Barrier(await connect(database_e011))
    await barrier.raise_()
    await add_old_data(database_e011)

    async with live_traffic(database_e011):
        for statement in UPGRADE:
            await kill_before(statement, barrier, spawn(*ALEMBIC, "upgrade", "head", env=_environment(database_e011)))
        await barrier.fall()
        last = await asyncio.to_thread(alembic, "upgrade", "head", url=database_e011)

    assert last.returncode == 0, last.stderr
    assert await schema_dump(database_e011) == await schema_dump(database)


async def test_a_downgrade_killed_at_any_of_its_steps_goes_on_where_it_was(
    database_e011: str, database: str, connect: Connect, spawn: Spawn
) -> None:
    barrier = Barrier(await connect(database))
    await barrier.raise_()

    async with live_traffic(database):
        for statement in DOWNGRADE:
            migration = spawn(*ALEMBIC, "downgrade", OLD_REVISION, env=_environment(database))
            await kill_before(statement, barrier, migration)
        await barrier.fall()
        last = await asyncio.to_thread(alembic, "downgrade", OLD_REVISION, url=database)

    assert last.returncode == 0, last.stderr
    assert await schema_dump(database) == await schema_dump(database_e011)


async def test_an_upgrade_killed_while_it_waits_for_a_lock_lets_the_application_through_at_once(
    database_e011: str, connect: Connect, spawn: Spawn
) -> None:
    barrier, idle = Barrier(await connect(database_e011)), await connect(database_e011)
    await barrier.raise_()

    async with live_traffic(database_e011) as live:
        adds_columns = "ALTER TABLE public.generations%ADD COLUMN%"
        await kill_before(adds_columns, barrier, spawn(*ALEMBIC, "upgrade", "head", env=_environment(database_e011)))
        await barrier.fall()
        async with idle.transaction():
            await idle.execute("SELECT count(*) FROM generations")
            upgrade = spawn(*ALEMBIC, "upgrade", "head", env=_environment(database_e011))
            await wait_until(lambda: "waiting for generations: " in upgrade.log, 30)
            upgrade.kill()
            await wait_until(barrier.is_left, 30)
            before = len(live.acknowledged)
            await wait_until(lambda: len(live.acknowledged) > before)
        last = await asyncio.to_thread(alembic, "upgrade", "head", url=database_e011)

    assert last.returncode == 0, last.stderr


async def test_an_index_left_invalid_by_a_kill_is_replaced(database_e011: str, connect: Connect, spawn: Spawn) -> None:
    application = Application(await connect(database_e011))
    observer = await connect(database_e011)
    await application.add_user()

    async with application.connection.transaction():
        await application.add_settled_project("p", "a")
        upgrade = spawn(*ALEMBIC, "upgrade", "head", env=_environment(database_e011))
        await _until_blocked(observer)
        upgrade.kill()
        await wait_until(Barrier(observer).is_left)
    assert await _index_is_valid(observer) is False
    again = alembic("upgrade", "head", url=database_e011)

    assert again.returncode == 0
    assert "which an interrupted build left invalid" in again.stderr
    assert await _index_is_valid(observer) is True


async def add_old_data(url: str) -> None:
    engine = open_engine(url, application_name="test", command_timeout_seconds=None)
    await create_old_data(engine, OldDataShape(projects=300, generations=3_000))
    await engine.dispose()


async def kill_before(statement: str, barrier: Barrier, migration: Any) -> None:
    await barrier.move_before(statement)

    async def is_reached() -> bool:
        assert migration.exit_code is None, f"{statement} was not reached: {migration.log}"
        return await barrier.is_reached()

    await wait_until(is_reached, 60)
    migration.kill()
    await wait_until(barrier.is_left, 30)


async def _until_blocked(observer: Any) -> None:
    async def is_blocked() -> bool:
        pid = await observer.fetchval(
            "SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database()"
        )
        return pid is not None and await backend_waits(observer, pid)

    await wait_until(is_blocked, 20)


async def _index_is_valid(observer: Any) -> bool | None:
    valid: bool | None = await observer.fetchval(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix_generations_project_id_created_at_id')"
    )
    return valid


def _environment(url: str) -> dict[str, str]:
    return environment_for(database_url=url)
