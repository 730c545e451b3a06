"""The tests' own chain of revisions, and what they see of a database."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from tests.migrations.support import client_program
from tests.support.commands import environment_for, run_command
from tests.support.forked import run

CHAIN = Path(__file__).parent / "chain"
ALEMBIC = ("alembic", "-c", str(CHAIN / "alembic.ini"))


def alembic(*arguments: str, url: str | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
    return run(*ALEMBIC, *arguments, env=environment_for(database_url=url, **settings))


def script(*arguments: str) -> str:
    done = alembic(*arguments, "--sql", BACKFILL_LOG_LEVEL="WARNING")
    assert done.returncode == 0, done.stderr
    return done.stdout


def shape(url: str) -> list[str]:
    """What pg_dump says of the schema; columns in whatever order, and without the event trigger of a test."""
    command = [
        str(client_program("pg_dump")),
        "--schema-only",
        "--no-owner",
        "--exclude-schema=barrier",
        f"--dbname={url}",
    ]
    done = run_command(*command, env=environment_for())
    assert done.returncode == 0, done.stderr
    lines = [line.rstrip(",") for line in done.stdout.splitlines() if not line.startswith(("\\", "--"))]
    return sorted(line for line in lines if line.strip() and "barrier" not in line.lower())


async def add_rows(connection: Any, rows: int) -> None:
    await connection.execute(
        'INSERT INTO sales."Customers" (email, age, obsolete)'
        " SELECT 'c' || n || '@example.org', CAST(n % 90 AS text), 'x' FROM generate_series(1, $1) AS n",
        rows,
    )
    await connection.execute(
        "INSERT INTO orders (customer_id, total, note)"
        " SELECT n, n, CASE WHEN n % 3 > 0 THEN 'note ' || n END FROM generate_series(1, $1) AS n",
        rows,
    )
