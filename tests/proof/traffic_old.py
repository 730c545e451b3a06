"""The transactions of today's release: first the generation, then its project; several projects in order of their ids.

None of them names a column that the migration adds. Generations are taken out of the known rows while somebody works on
them, so no two of these transactions deadlock by themselves.
"""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg

from tests.proof.desk import Desk, Kind, Mix, new_id
from tests.proof.journal import ANYTHING, Values
from tests.proof.session import OnPurpose, RowMissing, Work
from worker.demo.old_application.contents import CONTEXT, DOCUMENTATION, REVIEW_FEEDBACK
from worker.demo.old_application.known_rows import Generation, Stage

# JSON as the column keeps it and no parser would give it back: spaces, a key twice, an escape.
_ODD_JSON = '{"b": 1.50,  "a":\t"\\u00e9 é", "b" : [ ] }'
_LONGEST_HOLD_SECONDS, _SHORTEST_HOLD_SECONDS = 0.3, 0.05
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
    """REPEATABLE READ. There a change by somebody else after the snapshot is error 40001, with and without a backfill,
    and to begin again is the application's part."""
    project_id = desk.rows.project(desk.random)
    for attempt in range(1, _TRIES + 1):
        try:
            async with desk.transaction("create_in_a_snapshot", "repeatable_read") as work:
                await work.fetchrow("count_generations", project_id)
                generation = await insert_generation(desk, work, project_id)
                await touch(work, project_id)
        except asyncpg.SerializationError:
            desk.journal.count("retried: serialization failure")
            if attempt == _TRIES:
                raise
        else:
            desk.rows.put(Stage.PENDING, generation)
            return


async def complete_in_a_snapshot(desk: Desk) -> None:
    """REPEATABLE READ, as above."""
    generation = desk.rows.take(Stage.PROCESSING, desk.random)
    for attempt in range(1, _TRIES + 1):
        try:
            async with desk.transaction("complete_in_a_snapshot", "repeatable_read") as work:
                await work.update("complete_generation", "generations", generation.id, result(desk))
                await touch(work, generation.project_id)
        except asyncpg.SerializationError:
            desk.journal.count("retried: serialization failure")
            if attempt == _TRIES:
                raise
        else:
            desk.rows.put(Stage.FINISHED, generation)
            return


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
    values = {"documentation": desk.random.choice([DOCUMENTATION, _ODD_JSON])}
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


async def create_project(desk: Desk) -> None:
    """A project with its first generation; sometimes of a new user, of whom there may be none yet."""
    project_id = new_id()
    user_id = new_id() if not desk.rows.has_users or desk.random.random() < 0.2 else None
    async with desk.transaction("create_project") as work:
        if user_id is not None:
            await work.insert("insert_user", "users", _new_user(user_id))
        owner_id = user_id or desk.rows.user(desk.random)
        await work.insert("insert_project", "projects", new_project(project_id, owner_id))
        generation = await insert_generation(desk, work, project_id, user_id=owner_id)
    if user_id is not None:
        desk.rows.add_user(user_id)
    desk.rows.add_project(project_id)
    desk.rows.put(Stage.PENDING, generation)


async def create_empty_project(desk: Desk) -> None:
    """Its first generation comes later, perhaps from several connections at once."""
    project_id = new_id()
    async with desk.single_statement("create_empty_project") as work:
        await work.insert("insert_project", "projects", new_project(project_id, desk.rows.user(desk.random)))
    desk.rows.add_project(project_id)


async def create_in_several_projects(desk: Desk) -> None:
    """The same wish in up to four projects, in one transaction."""
    projects = sorted({desk.rows.project(desk.random) for _ in range(desk.random.randint(2, 4))})
    generations = []
    async with desk.transaction("create_in_several_projects") as work:
        for project_id in projects:
            generations.append(await insert_generation(desk, work, project_id))
            await touch(work, project_id)
    for generation in generations:
        desk.rows.put(Stage.PENDING, generation)


async def create_several(desk: Desk) -> None:
    """Variants of one wish, in one statement."""
    project_id = desk.rows.project(desk.random)
    shared = new_generation(desk, project_id, None)
    del shared["id"], shared["parent_generation_id"]
    ids = [new_id() for _ in range(desk.random.randint(3, 5))]
    async with desk.transaction("create_several") as work:
        rows = [{"id": generation_id, **shared} for generation_id in ids]
        await work.insert_several("insert_generations", "generations", rows, [ids, *shared.values()])
        await touch(work, project_id)
    for generation_id in ids:
        desk.rows.put(Stage.PENDING, Generation(id=generation_id, project_id=project_id))


async def create_unless_there(desk: Desk) -> None:
    """A request that was sent twice, or its first copy."""
    known = desk.rows.take(Stage.PENDING, desk.random) if desk.random.random() < 0.5 else None
    chosen = known or Generation(id=new_id(), project_id=desk.rows.project(desk.random))
    values = {**new_generation(desk, chosen.project_id, None), "id": chosen.id}
    async with desk.single_statement("create_unless_there") as work:
        answer = await work.insert("insert_unless_there", "generations", values)
        if (answer is None) != (known is not None):
            raise RowMissing(f"insert_unless_there inserted {answer}, though {known} was there")
    desk.rows.put(Stage.PENDING, chosen)


async def reword_generation(desk: Desk) -> None:
    """INSERT ... ON CONFLICT DO UPDATE of a generation that is there."""
    generation = desk.rows.take(Stage.PENDING, desk.random)
    wish = {"prompt": desk.contents.prompt(desk.random)}
    user_id = desk.rows.user(desk.random)
    async with desk.single_statement("reword_generation") as work:
        answer = await work.update(
            "insert_or_reword", "generations", generation.id, wish, more=(generation.project_id, user_id)
        )
        if answer["inserted"]:
            raise RowMissing(f"insert_or_reword inserted {generation.id}, which was there")
    desk.rows.put(Stage.PENDING, generation)


async def import_generations(desk: Desk) -> None:
    """COPY of finished work with times of its own, what is completed first (why: docs/why.md, live writes)."""
    project_id, imported_at = desk.rows.project(desk.random), datetime.now(UTC)
    rows = [
        {
            **new_generation(desk, project_id, None),
            "status": desk.random.choice(["completed", "completed", "failed"]),
            "documentation": _ODD_JSON,
            "created_at": imported_at,
            "updated_at": imported_at,
        }
        for _ in range(desk.random.randint(2, 5))
    ]
    rows.sort(key=lambda row: row["status"] != "completed")
    async with desk.transaction("import_generations") as work:
        await work.copy("generations", rows)
        await touch(work, project_id)
    for row in rows:
        desk.rows.put(Stage.FINISHED, Generation(id=str(row["id"]), project_id=project_id))


async def read_generation(desk: Desk) -> None:
    generation = desk.rows.take(Stage.PROCESSING, desk.random)
    async with desk.single_statement("read_generation") as work:
        if await work.fetchrow("read_generation", generation.id) is None:
            raise RowMissing(f"read_generation found no row {generation.id}")
    desk.rows.put(Stage.PROCESSING, generation)


async def insert_generation(
    desk: Desk, work: Work, project_id: str, parent: Generation | None = None, *, user_id: str | None = None
) -> Generation:
    values = new_generation(desk, project_id, parent)
    if user_id is not None:
        values["user_id"] = user_id
    await work.insert("insert_generation", "generations", values)
    return Generation(id=str(values["id"]), project_id=project_id)


def new_generation(desk: Desk, project_id: str, parent: Generation | None) -> dict[str, object]:
    """In the order of insert_generation's parameters."""
    return {
        "id": new_id(),
        "project_id": project_id,
        "user_id": desk.rows.user(desk.random) if desk.rows.has_users else None,
        "prompt": desk.contents.prompt(desk.random),
        "context": desk.random.choice([CONTEXT, _ODD_JSON, None]),
        "status": "pending",
        "is_iteration": parent is not None,
        "parent_generation_id": parent.id if parent else None,
    }


def result(desk: Desk) -> dict[str, object]:
    """In the order of complete_generation's parameters."""
    code_generation_time = desk.random.uniform(20, 80)
    return {
        "output_files": desk.contents.output_files(desk.random),
        "review_feedback": REVIEW_FEEDBACK,
        "documentation": DOCUMENTATION,
        "quality_score": desk.random.uniform(0.5, 1),
        "code_generation_time": code_generation_time,
        "review_time": 4.0,
        "docs_generation_time": 2.5,
        "total_time": code_generation_time + 9.0,
        "status": "completed",
    }


async def touch(work: Work, project_id: str) -> None:
    await work.update("touch_project", "projects", project_id, {"status": "active"})


async def linger(desk: Desk) -> None:
    await desk.hold(desk.random.uniform(_SHORTEST_HOLD_SECONDS, _LONGEST_HOLD_SECONDS))


async def leave_artifact(desk: Desk, work: Work, generation: Generation) -> None:
    values = {
        "id": new_id(),
        "generation_id": generation.id,
        "type": "zip",
        "storage_url": f"s3://artifacts/{generation.project_id}/{generation.id}",
        "file_size": desk.random.randrange(2_000, 90_000),
    }
    await work.insert("insert_artifact", "artifacts", values)


def _new_user(user_id: str) -> Values:
    return {
        "id": user_id,
        "email": f"{user_id}@example.com",
        "username": user_id,
        "is_active": True,
        "is_superuser": False,
        "is_verified": True,
        "total_generations": 0,
    }


def new_project(project_id: str, user_id: str) -> Values:
    return {
        "id": project_id,
        "user_id": user_id,
        "name": f"Project {project_id[:8]}",
        "description": "Made while everything else went on.",
        "domain": "education",
        "tech_stack": "fastapi_postgres",
        "constraints": '["tested"]',
        "status": "draft",
        "is_public": False,
        "settings": "{ }",
    }


_CREATE_PROJECT = Kind(name="create_project", weight=5, run=create_project)
KINDS = (
    Kind(name="create_generation", weight=18, run=create_generation),
    Kind(name="create_and_linger", weight=3, run=create_and_linger),
    Kind(name="create_in_a_snapshot", weight=3, run=create_in_a_snapshot),
    Kind(name="create_and_give_up", weight=2, run=create_and_give_up),
    Kind(name="create_several", weight=3, run=create_several),
    Kind(name="create_in_several_projects", weight=4, run=create_in_several_projects),
    Kind(name="create_unless_there", weight=3, run=create_unless_there, needs=Stage.PENDING),
    Kind(name="create_empty_project", weight=2, run=create_empty_project),
    Kind(name="import_generations", weight=2, run=import_generations),
    Kind(name="reword_generation", weight=2, run=reword_generation, needs=Stage.PENDING),
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
