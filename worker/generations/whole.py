"""Projects that fit into a batch: locked in one statement, settled by the next, see the .sql files for why."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.definitions.groups import Run
from backfill.engine.protocols import Settled
from worker.generations.queries import run_sql


async def lock_projects(connection: AsyncConnection, project_ids: Sequence[str], run: Run) -> list[str]:
    return [row.id for row in await run(connection, "lock_projects", {"ids": list(project_ids)})]


async def settle_projects(connection: AsyncConnection, project_ids: Sequence[str], run: Run = run_sql) -> Settled:
    """The statements of one batch, in the transaction that the caller has begun; `run` is how each is run."""
    locked = await lock_projects(connection, project_ids, run)
    rows = {row.project_id: row.rows for row in await run(connection, "lock_generations", {"ids": locked})}
    parameters = {"ids": locked, "counts": [str(rows.get(project_id, 0)) for project_id in locked]}
    result = (await run(connection, "settle", parameters)).one()
    contended = frozenset(project_ids) - frozenset(locked) | frozenset(result.left_out)
    return Settled(written=result.written, contended=contended)
