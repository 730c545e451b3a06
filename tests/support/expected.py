"""What a backfilled database must hold: the rows that the one-shot SQL gives on a copy, and no breach of any rule."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from backfill.engine.checking import check_everything
from backfill.sql.database import open_engine
from backfill.sql.transactions import Limits
from worker.generations.backfill import GenerationVersions

_ONE_SHOT = Path(__file__).with_name("one_shot.sql").read_text(encoding="utf-8")
_FILLED = (
    "SELECT p.id, p.latest_version, p.active_generation_id,"
    " array_agg((g.id, g.version, g.storage_path, g.is_active)::text ORDER BY g.id) AS generations"
    " FROM projects AS p LEFT JOIN generations AS g ON g.project_id = p.id GROUP BY p.id ORDER BY p.id"
)
_LIMITS = Limits(
    lock_timeout_ms=500, statement_timeout_ms=5000, scan_timeout_ms=30_000, idle_in_transaction_timeout_ms=5000
)

Filled = list[tuple[object, ...]]


async def filled(url: str) -> Filled:
    """Every column that the backfill fills, of every row."""
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(_FILLED)]
    finally:
        await connection.close()


async def one_shot(url: str) -> None:
    """Without triggers, as it was before there were any."""
    connection = await asyncpg.connect(url, server_settings={"session_replication_role": "replica"})
    try:
        await connection.execute(_ONE_SHOT)
    finally:
        await connection.close()


async def breaches(url: str) -> list[str]:
    """The rules that verification finds broken."""
    engine = open_engine(url, application_name="test-breaches")
    try:
        _, findings = await check_everything(GenerationVersions(engine, _LIMITS))
        return [finding.rule for finding in findings if finding.is_error]
    finally:
        await engine.dispose()
