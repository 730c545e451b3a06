"""A project larger than a batch: settled in several transactions, each numbering the next rows in order.

The mark says where the next one begins and which number was given last. It is a hint that is checked first:
rows after it that are assigned already mean that another worker has been here, and a row before it that is not
means that a failover has lost it; then the mark is made anew from the data. `latest_version` and the active flag
come with the last transaction; rows that turn up behind the mark (a long transaction of the application committed
late) wait for that, and are found by looking once more after it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.engine.protocols import PartSettled
from backfill.runs.failures import BatchFailed, Failure
from backfill.sql.plans import walk_in_order
from backfill.sql.transactions import Limits, transaction
from worker.generations.queries import run_sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Rows from the key (from_at, from_id) on, without `done_id`, get the numbers after `base`."""

    from_at: str
    from_id: str
    done_id: str
    base: int

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Mark:
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The rows of one transaction, locked; `at_end` when none follow them."""

    ids: tuple[str, ...]
    places: tuple[str, ...]
    last_at: str
    at_end: bool


LOOK_AGAIN = PartSettled(written=0, mark=None, finished=False)
FINISHED = PartSettled(written=0, mark=None, finished=True)


async def settle_part(
    engine: AsyncEngine, limits: Limits, project_id: str, mark: Mark | None, rows: int
) -> PartSettled:
    """One transaction; see the module. Raises BatchFailed, contention when the project or a row is locked."""
    if mark is None:
        mark = await read_frontier(engine, limits, project_id)
        if mark is None:
            return FINISHED
    async with transaction(engine, limits) as connection:
        if not await _holds(connection, mark):
            return LOOK_AGAIN
        return await number_next(connection, project_id, mark, rows)


async def _holds(connection: AsyncConnection, mark: Mark) -> bool:
    """No lock is needed for it: a row that is assigned stays so."""
    if not mark.done_id:
        return True
    return bool((await run_sql(connection, "mark_holds", {"done_id": mark.done_id})).scalar_one_or_none())


async def number_next(connection: AsyncConnection, project_id: str, mark: Mark, rows: int) -> PartSettled:
    """The statements of one part, in the transaction that the caller has begun."""
    await walk_in_order(connection)
    project = await _lock_project(connection, project_id)
    settled = project.latest_version > 0
    part = await _lock_part(connection, project_id, mark, rows, settled=settled)
    if part is None:
        return LOOK_AGAIN
    base = project.latest_version if settled else mark.base
    if settled or part.at_end:
        active_id = await _choose_active(connection, project, part.ids)
        written = await _number(connection, part, base, active_id)
        await _settle_project(connection, project, base + len(part.ids), active_id)
    else:
        written = await _number(connection, part, base, None)
    if part.at_end:
        return PartSettled(written=written, mark=None, finished=False)
    last = part.ids[-1]
    after = replace(mark, from_at=part.last_at, from_id=last, done_id=last, base=base + len(part.ids))
    return PartSettled(written=written, mark=after.dump(), finished=False)


async def read_frontier(engine: AsyncEngine, limits: Limits, project_id: str) -> Mark | None:
    """Where to begin, from the data; None when the project is settled, or gone."""
    async with transaction(engine, limits, statement_timeout_ms=limits.scan_timeout_ms) as connection:
        row = (await run_sql(connection, "read_frontier", {"project_id": project_id})).one_or_none()
    if row is None or row.id is None:
        return None
    return Mark(from_at=row.key_at, from_id=row.id, done_id=row.done_id or "", base=row.base)


async def _lock_project(connection: AsyncConnection, project_id: str) -> Row[tuple[str, int, str | None]]:
    row = (await run_sql(connection, "lock_projects", {"ids": [project_id]})).one_or_none()
    if row is None:
        raise BatchFailed(Failure.CONTENTION, "the project is locked or gone", sqlstate=None)
    return row


async def _lock_part(
    connection: AsyncConnection, project_id: str, mark: Mark, rows: int, *, settled: bool
) -> _Part | None:
    """The unassigned rows that follow the mark; None when the first that follows is assigned, or any while the
    project is not settled: the mark's number is old then."""
    parameters = {"project_id": project_id, "rows": rows, **asdict(mark)}
    del parameters["base"]
    found = (await run_sql(connection, "lock_part", parameters)).all()
    leading = next((number for number, row in enumerate(found) if not row.unassigned), len(found))
    if leading < len(found) and not (settled and leading):
        return None
    return _Part(
        ids=tuple(row.id for row in found[:leading]),
        places=tuple(row.place for row in found[:leading]),
        last_at=found[leading - 1].key_at if found else mark.from_at,
        at_end=leading == len(found) < rows,
    )


async def _choose_active(
    connection: AsyncConnection, project: Row[tuple[str, int, str | None]], ids: Sequence[str]
) -> str | None:
    """The generation that is active once the project is settled; it and the present one are locked."""
    parameters = {"project_id": project.id, "settled": project.latest_version > 0, "ids": list(ids)}
    candidate = (await run_sql(connection, "lock_candidate", parameters)).scalar_one_or_none()
    present = project.active_generation_id
    known = [generation_id for generation_id in (candidate, present) if generation_id is not None]
    if present is not None:
        await run_sql(connection, "lock_rows", {"ids": [present]})
    if len(known) < 2:
        return known[0] if known else None
    chosen: str = (await run_sql(connection, "choose_active", {"ids": known})).scalar_one()
    return chosen


async def _number(connection: AsyncConnection, part: _Part, base: int, active_id: str | None) -> int:
    parameters = {"places": list(part.places), "base": base, "active_id": active_id}
    return (await run_sql(connection, "number_part", parameters)).rowcount


async def _settle_project(
    connection: AsyncConnection, project: Row[tuple[str, int, str | None]], latest_version: int, active_id: str | None
) -> None:
    flags = [generation_id for generation_id in (active_id, project.active_generation_id) if generation_id]
    await run_sql(connection, "flag_active", {"ids": flags, "active_id": active_id})
    parameters = {"project_id": project.id, "latest_version": latest_version, "active_id": active_id}
    await run_sql(connection, "settle_project", parameters)
