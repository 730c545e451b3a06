"""More ways in which today's release inserts: new projects, several projects at once, and the dialects of INSERT."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.proof.desk import Desk, new_id
from tests.proof.session import RowMissing
from tests.proof.steps import ODD_JSON, insert_generation, new_generation, new_project, new_user, touch
from worker.demo.old_application.known_rows import Generation, Stage


async def create_project(desk: Desk) -> None:
    """A project with its first generation; sometimes of a new user, of whom there may be none yet."""
    project_id = new_id()
    user_id = new_id() if not desk.rows.has_users or desk.random.random() < 0.2 else None
    async with desk.transaction("create_project") as work:
        if user_id is not None:
            await work.insert("insert_user", "users", new_user(user_id))
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
            "documentation": ODD_JSON,
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
