"""The backfills of the files as an operator has them: what comes first, where the root is, what is asked before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conftest import Spawn
from tests.support.commands import environment_for
from tests.support.filed import FILES, as_bytes, contents
from tests.support.forked import backfill
from tests.support.old_rows import old_rows
from tests.support.waiting import wait_until

WORKER = ("arq", "worker.main.WorkerSettings")
BOTH = "worker.generations,worker.files"


@pytest.fixture
def env(database: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    return environment_for(
        database_url=database,
        redis_url=redis_url,
        BACKFILL_DEFINITIONS=BOTH,
        FILE_STORAGE_PATH=str(tmp_path / "files"),
    )


async def test_the_root_is_marked_and_each_step_comes_in_its_order(
    env: dict[str, str], tmp_path: Path, spawn: Spawn
) -> None:
    root = tmp_path / "files"
    async with old_rows(env["DATABASE_URL"]) as rows:
        await rows.add_project("p")
        await rows.add("p", ("g", "completed", 1))
        worker = spawn(*WORKER, env=env)
        await wait_until(lambda: "worker ready" in worker.log, 60)
        assert "is not marked as the folder of the files" in worker.log
        too_early = backfill("enqueue", "generation-files", env=env)
        assert (too_early.returncode, "comes after generation-versions" in too_early.stderr) == (5, True)

        marked = backfill("files-root", "--create", env=env)
        (root / "g").mkdir()
        for name, text in FILES.items():
            (root / "g" / name).parent.mkdir(parents=True, exist_ok=True)
            (root / "g" / name).write_text(text, encoding="utf-8")
        versions = await asyncio.to_thread(backfill, "enqueue", "generation-versions", "--watch", env=env)
        sizes = await asyncio.to_thread(backfill, "enqueue", "generation-sizes", "--watch", env=env)
        files = await asyncio.to_thread(backfill, "enqueue", "generation-files", "--watch", env=env)
        verified = await asyncio.to_thread(backfill, "verify", "--backfill", "generation-files", env=env)
        done = (marked, versions, sizes, files, verified)
        assert [one.returncode for one in done] == [0] * len(done), files.stdout + verified.stdout + worker.log
        path = await rows.connection.fetchval("SELECT storage_path FROM generations WHERE id = 'g'")
        assert path == f"{root}/p/generations/v1__g"

        unasked = backfill("enqueue", "generation-files-cleanup", env=env)
        asked = await asyncio.to_thread(
            backfill, "enqueue", "generation-files-cleanup", "--confirm", "--watch", env=env
        )
        assert (unasked.returncode, "give --confirm" in unasked.stderr) == (2, True)
        assert asked.returncode == 0, asked.stdout
        assert not (root / "g").exists()
        assert contents(Path(path) / "source") == as_bytes(FILES)
