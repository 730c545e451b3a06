"""Expand, backfill, contract, and back, by the real commands under the application's traffic."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from backfill.sql.database import open_engine
from tests.alembic_online.support import shape
from tests.conftest import Connect
from tests.migrations.support import HEAD
from tests.proof.history import install_history
from tests.proof.journal import Journal
from tests.proof.oracle import violations
from tests.proof.traffic import LiveTraffic, Load
from tests.support.commands import REPOSITORY
from tests.support.forked import backfill, run
from tests.support.waiting import wait_until
from worker.demo.old_data import OldDataShape, create_old_data

SHAPE = OldDataShape(projects=200, generations=2_000, giant_share=0.2, ties=True)
UNIQUE = "SELECT indisunique FROM pg_index WHERE indexrelid = 'uq_generations_project_id_version'::regclass"


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """A copy of the service's own, to write a revision into."""
    shutil.copytree(REPOSITORY / "alembic", tmp_path / "alembic", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "alembic.ini").write_text(f"[alembic]\nscript_location = {tmp_path}/alembic\n")
    return tmp_path


@pytest.fixture
async def old_data(database_e011: str) -> None:
    engine = open_engine(database_e011, application_name="test-old-data", command_timeout_seconds=None)
    await create_old_data(engine, SHAPE)
    await engine.dispose()


async def test_the_whole_cycle_under_traffic_costs_no_error_and_no_wrong_row(
    database_e011: str, environment_e011: dict[str, str], chain: Path, connect: Connect, old_data: None
) -> None:
    env, journal = environment_e011, Journal()
    traffic = LiveTraffic(database_e011, journal, Load(seed=1, connections=4, transactions_per_second=60))

    async def alembic(*arguments: str) -> Any:
        return await asyncio.to_thread(run, "alembic", "-c", f"{chain}/alembic.ini", *arguments, env=env, timeout=120)

    async def goes_on() -> None:
        before = journal.acknowledged
        await wait_until(lambda: journal.acknowledged > before + 100, 60)

    folder, with_chain = ("--folder", f"{chain}/alembic"), env | {"ALEMBIC_CONFIG": f"{chain}/alembic.ini"}
    assert backfill("contract", "--write", *folder, env=env).returncode == 0

    async with traffic:
        expanded = await alembic("upgrade", HEAD)
        await install_history(database_e011)
        after_expand = shape(database_e011)
        too_early = await alembic("upgrade", "head")
        finished = await asyncio.to_thread(backfill, "finish", env=env, timeout=180)
        await traffic.roll_out_next_release()
        await goes_on()
        contracted = await asyncio.to_thread(backfill, "contract", "--apply", *folder, env=with_chain, timeout=180)
        is_unique = await (await connect(database_e011)).fetchval(UNIQUE)
        await goes_on()
        back = await alembic("downgrade", HEAD)
        await goes_on()

    assert expanded.returncode == 0, expanded.stderr
    assert too_early.returncode == 3, too_early.stderr
    assert "generation-versions is not done" in too_early.stderr
    assert finished.returncode == 0, finished.stderr
    assert contracted.returncode == 0, contracted.stderr
    assert is_unique
    assert back.returncode == 0, back.stderr
    assert shape(database_e011) == after_expand
    assert await violations(database_e011, journal, traffic.errors) == []
    assert backfill("verify", env=env).returncode == 0
