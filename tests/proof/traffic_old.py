"""The transactions of today's release: first the generation, then its project; several projects in order of their ids.

None of them names a column that the migration adds. Generations are taken out of the known rows while somebody works on
them, so no two of these transactions deadlock by themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import asyncpg

from tests.proof import traffic_inserts
from tests.proof.desk import Desk, Kind, Mix
from tests.proof.journal import ANYTHING
from tests.proof.session import OnPurpose, RowMissing, Work
from tests.proof.steps import (
    ODD_JSON,
    insert_generation,
    leave_artifact,
    linger,
    result,
    touch,
)
from worker.demo.old_application.contents import DOCUMENTATION
from worker.demo.old_application.known_rows import Generation, Stage

# How often the application begins a REPEATABLE READ transaction again that met somebody else's change.
_TRIES = 20


async def create_generation(desk: Desk) -> None:
    """A new wish in a project; now and then one that goes on from an earlier result."""
    parent = desk.rows.take_parent(desk.random) if desk.random.random() < 0.2 else None
    project_id = parent.project_id if parent else desk.rows.project(desk.random)
    async with desk.transaction("create_generation") as work:
        generation = await insert_generation(desk, work, project_id, parent)
        await touch(work, project_id)
    desk.rows.put(Stage.PENDING, generation)


async def create_and_linger(desk: Desk) -> None:
    """The transaction stays open between the insert and the rest."""
    project_id = desk.rows.project(desk.random)
    async with desk.transaction("create_and_linger") as work:
        generation = await insert_generation(desk, work, project_id)
        await linger(desk)
        await touch(work, project_id)
    desk.rows.put(Stage.PENDING, generation)


async def create_in_a_snapshot(desk: Desk) -> None:
    project_id = desk.rows.project(desk.random)

    async def create(work: Work) -> Generation:
        await work.fetchrow("count_generations", project_id)
        generation = await insert_generation(desk, work, project_id)
        await touch(work, project_id)
        return generation

    desk.rows.put(Stage.PENDING, await _in_a_snapshot(desk, "create_in_a_snapshot", create))


async def complete_in_a_snapshot(desk: Desk) -> None:
    generation = desk.rows.take(Stage.PROCESSING, desk.random)

    async def complete(work: Work) -> Generation:
        await work.update("complete_generation", "generations", generation.id, result(desk))
        await touch(work, generation.project_id)
        return generation

    desk.rows.put(Stage.FINISHED, await _in_a_snapshot(desk, "complete_in_a_snapshot", complete))


async def _in_a_snapshot(desk: Desk, kind: str, body: Callable[[Work], Awaitable[Generation]]) -> Generation:
    """REPEATABLE READ. There a change by somebody else after the snapshot is error 40001, with and without a backfill,
    and to begin again is the application's part."""
    for _ in range(_TRIES - 1):
        try:
            async with desk.transaction(kind, "repeatable_read") as work:
                return await body(work)
        except asyncpg.SerializationError:
            desk.journal.count("retried: serialization failure")
    async with desk.transaction(kind, "repeatable_read") as work:
        return await body(work)


async def create_and_give_up(desk: Desk) -> None:
    """A rollback on purpose after everything was written."""
    project_id = desk.rows.project(desk.random)
    try:
        async with desk.transaction("create_and_give_up") as work:
            await insert_generation(desk, work, project_id)
            await touch(work, project_id)
            if desk.random.random() < 0.3:
                await linger(desk)
            raise OnPurpose
    except OnPurpose:
        desk.journal.count("rolled back on purpose")


async def complete_and_give_up(desk: Desk) -> None:
    generation = desk.rows.take(Stage.PROCESSING, desk.random)
    try:
        async with desk.transaction("complete_and_give_up") as work:
            await work.update("complete_generation", "generations", generation.id, result(desk))
            raise OnPurpose
    except OnPurpose:
        desk.journal.count("rolled back on purpose")
    desk.rows.put(Stage.PROCESSING, generation)


async def begin_generation(desk: Desk) -> None:
    generation = desk.rows.take(Stage.PENDING, desk.random)
    values = {
        "status": "processing",
        "extracted_schema": desk.contents.schema(desk.random),
        "schema_extraction_time": desk.random.uniform(2, 8),
    }
    async with desk.single_statement("begin_generation") as work:
        await work.update("begin_generation", "generations", generation.id, values)
    desk.rows.put(Stage.PROCESSING, generation)


async def complete_generation(desk: Desk) -> None:
    """Saves the result, then the project; one in ten leaves an artifact."""
    generation = desk.rows.take(Stage.PROCESSING, desk.random)
    async with desk.transaction("complete_generation") as work:
        await work.update("complete_generation", "generations", generation.id, result(desk))
        if desk.random.random() < 0.1:
            await leave_artifact(desk, work, generation)
        if desk.random.random() < 0.1:
            await linger(desk)
        await touch(work, generation.project_id)
    desk.rows.put(Stage.FINISHED, generation)


async def fail_generation(desk: Desk) -> None:
    generation = desk.rows.take(Stage.PROCESSING, desk.random)
    values = {"status": "failed", "error_message": "The model did not answer within the time limit."}
    async with desk.transaction("fail_generation") as work:
        await work.update("fail_generation", "generations", generation.id, values)
        await touch(work, generation.project_id)
    desk.rows.put(Stage.FINISHED, generation)


async def revise_generation(desk: Desk) -> None:
    generation = desk.rows.take(Stage.FINISHED, desk.random)
    values = {"documentation": desk.random.choice([DOCUMENTATION, ODD_JSON])}
    async with desk.transaction("revise_generation") as work:
        await work.update("revise_generation", "generations", generation.id, values)
        await touch(work, generation.project_id)
    desk.rows.put(Stage.FINISHED, generation)


async def delete_generation(desk: Desk) -> None:
    """One that has no children: they would have to go first."""
    generation = desk.rows.take(Stage.FINISHED, desk.random)
    async with desk.transaction("delete_generation") as work:
        await work.delete("delete_artifacts", "artifacts", generation.id)
        await work.delete("delete_generation", "generations", generation.id)


async def move_generation(desk: Desk) -> None:
    """To another project; then both projects, in the order of their ids."""
    generation = desk.rows.take(Stage.FINISHED, desk.random)
    target = desk.rows.project(desk.random)
    async with desk.transaction("move_generation") as work:
        await work.update("move_generation", "generations", generation.id, {"project_id": target})
        if target != generation.project_id:
            work.transaction.writes[-1].values["version"] = ANYTHING  # whatever its writer was told
        for project_id in sorted({generation.project_id, target}):
            await touch(work, project_id)
    desk.rows.put(Stage.FINISHED, Generation(id=generation.id, project_id=target, is_own=generation.is_own))


async def read_generation(desk: Desk) -> None:
    generation = desk.rows.take(Stage.PROCESSING, desk.random)
    async with desk.single_statement("read_generation") as work:
        if await work.fetchrow("read_generation", generation.id) is None:
            raise RowMissing(f"read_generation found no row {generation.id}")
    desk.rows.put(Stage.PROCESSING, generation)


_CREATE_PROJECT = Kind(name="create_project", weight=5, run=traffic_inserts.create_project)
KINDS = (
    Kind(name="create_generation", weight=18, run=create_generation),
    Kind(name="create_and_linger", weight=3, run=create_and_linger),
    Kind(name="create_in_a_snapshot", weight=3, run=create_in_a_snapshot),
    Kind(name="create_and_give_up", weight=2, run=create_and_give_up),
    Kind(name="create_several", weight=3, run=traffic_inserts.create_several),
    Kind(name="create_in_several_projects", weight=4, run=traffic_inserts.create_in_several_projects),
    Kind(name="create_unless_there", weight=3, run=traffic_inserts.create_unless_there, needs=Stage.PENDING),
    Kind(name="create_empty_project", weight=2, run=traffic_inserts.create_empty_project),
    Kind(name="import_generations", weight=2, run=traffic_inserts.import_generations),
    Kind(name="reword_generation", weight=2, run=traffic_inserts.reword_generation, needs=Stage.PENDING),
    Kind(name="begin_generation", weight=26, run=begin_generation, needs=Stage.PENDING),
    Kind(name="complete_generation", weight=22, run=complete_generation, needs=Stage.PROCESSING),
    Kind(name="complete_in_a_snapshot", weight=3, run=complete_in_a_snapshot, needs=Stage.PROCESSING),
    Kind(name="complete_and_give_up", weight=1, run=complete_and_give_up, needs=Stage.PROCESSING),
    Kind(name="fail_generation", weight=4, run=fail_generation, needs=Stage.PROCESSING),
    Kind(name="revise_generation", weight=3, run=revise_generation, needs=Stage.FINISHED),
    Kind(name="delete_generation", weight=3, run=delete_generation, needs=Stage.FINISHED),
    Kind(name="move_generation", weight=1, run=move_generation, needs=Stage.FINISHED),
    Kind(name="read_generation", weight=5, run=read_generation, needs=Stage.PROCESSING),
    _CREATE_PROJECT,
)
MIX = Mix(KINDS, first=_CREATE_PROJECT)
