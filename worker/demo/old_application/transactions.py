"""The transactions of the old application, one function each, with how often each happens.

They are written as the application writes: first the generation, then its project; several projects in the order
of their ids. None of them names a column that the migration adds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from uuid import uuid4

import asyncpg

from worker.demo.old_application.contents import CONTEXT, DOCUMENTATION, REVIEW_FEEDBACK, Contents
from worker.demo.old_application.known_rows import Generation, KnownRows, Stage, sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What one connection of the application works with."""

    connection: asyncpg.Connection[asyncpg.Record]
    rows: KnownRows
    contents: Contents
    random: Random

    async def execute(self, query: str, *arguments: object) -> None:
        await self.connection.execute(sql(query), *arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of transaction: `weight` says how often, possible while there is a generation in the stage it `needs`."""

    name: str
    weight: float
    run: Callable[[Desk], Awaitable[None]]
    needs: Stage | None = None


class Mix:
    """The kinds of transactions, and how often each is chosen."""

    def __init__(self, deletes_percent: float) -> None:
        others = sum(kind.weight for kind in _KINDS)
        weight = others * deletes_percent / (100 - deletes_percent)
        self.kinds = (
            *_KINDS,
            Kind(name="delete_generation", weight=weight, run=delete_generation, needs=Stage.FINISHED),
        )

    def choose(self, rows: KnownRows, random: Random) -> Kind:
        """One of those that are possible now, by their weights; before there is any project, a project."""
        if not rows.has_projects:
            return _CREATE_PROJECT
        possible = [kind for kind in self.kinds if kind.needs is None or rows.has(kind.needs)]
        return random.choices(possible, [kind.weight for kind in possible])[0]


async def create_generation(desk: Desk) -> None:
    """A new wish in a project; now and then one that goes on from an earlier result."""
    parent = desk.rows.take_parent(desk.random) if desk.random.random() < 0.2 else None
    project_id = parent.project_id if parent else desk.rows.project(desk.random)
    async with desk.connection.transaction():
        generation = await _insert_generation(desk, project_id, parent)
        await desk.execute("touch_project", project_id)
    desk.rows.put(Stage.PENDING, generation)


async def begin_generation(desk: Desk) -> None:
    """A single statement that commits by itself."""
    generation = desk.rows.take(Stage.PENDING, desk.random)
    schema = desk.contents.schema(desk.random)
    await desk.execute("begin_generation", generation.id, schema, desk.random.uniform(2, 8))
    desk.rows.put(Stage.PROCESSING, generation)


async def complete_generation(desk: Desk) -> None:
    """Saves the result, then the project; one in ten leaves an artifact."""
    generation = desk.rows.take(Stage.PROCESSING, desk.random)
    async with desk.connection.transaction():
        await desk.execute(
            "complete_generation",
            generation.id,
            desk.contents.output_files(desk.random),
            REVIEW_FEEDBACK,
            DOCUMENTATION,
            desk.random.uniform(0.5, 1),
            desk.random.uniform(20, 80),
        )
        if desk.random.random() < 0.1:
            url = f"s3://artifacts/{generation.project_id}/{generation.id}"
            await desk.execute("insert_artifact", _new_id(), generation.id, url, desk.random.randrange(2_000, 90_000))
        await desk.execute("touch_project", generation.project_id)
    desk.rows.put(Stage.FINISHED, generation)


async def fail_generation(desk: Desk) -> None:
    generation = desk.rows.take(Stage.PROCESSING, desk.random)
    async with desk.connection.transaction():
        await desk.execute("fail_generation", generation.id, "The model did not answer within the time limit.")
        await desk.execute("touch_project", generation.project_id)
    desk.rows.put(Stage.FINISHED, generation)


async def revise_generation(desk: Desk) -> None:
    """First the generation, then its project, like everything the application does."""
    generation = desk.rows.take(Stage.FINISHED, desk.random)
    async with desk.connection.transaction():
        await desk.execute("revise_generation", generation.id, DOCUMENTATION)
        await desk.execute("touch_project", generation.project_id)
    desk.rows.put(Stage.FINISHED, generation)


async def delete_generation(desk: Desk) -> None:
    """One that has no children: they would have to go first."""
    generation = desk.rows.take(Stage.FINISHED, desk.random)
    async with desk.connection.transaction():
        await desk.execute("delete_artifacts", generation.id)
        await desk.execute("delete_generation", generation.id)


async def create_project(desk: Desk) -> None:
    """A project with its first generation, and its first user if there is none."""
    if not desk.rows.has_users:
        user_id = _new_id()
        await desk.execute("insert_user", user_id, f"{user_id}@example.com", user_id)
        desk.rows.add_user(user_id)
    project_id = _new_id()
    async with desk.connection.transaction():
        name = f"Demo project {project_id[:8]}"
        await desk.execute("insert_project", project_id, desk.rows.user(desk.random), name)
        generation = await _insert_generation(desk, project_id)
    desk.rows.add_project(project_id)
    desk.rows.put(Stage.PENDING, generation)


async def create_in_two_projects(desk: Desk) -> None:
    """The same wish in two projects, in one transaction."""
    projects = sorted({desk.rows.project(desk.random) for _ in range(2)})
    generations = []
    async with desk.connection.transaction():
        for project_id in projects:
            generations.append(await _insert_generation(desk, project_id))
            await desk.execute("touch_project", project_id)
    for generation in generations:
        desk.rows.put(Stage.PENDING, generation)


async def create_several(desk: Desk) -> None:
    """Variants of one wish, in one statement."""
    project_id = desk.rows.project(desk.random)
    ids = [_new_id() for _ in range(desk.random.randint(3, 5))]
    user_id, prompt = desk.rows.user(desk.random), desk.contents.prompt(desk.random)
    async with desk.connection.transaction():
        await desk.execute("insert_generations", ids, project_id, user_id, prompt, CONTEXT)
        await desk.execute("touch_project", project_id)
    for generation_id in ids:
        desk.rows.put(Stage.PENDING, Generation(id=generation_id, project_id=project_id))


async def read_generation(desk: Desk) -> None:
    """A browser asks how far it is."""
    generation = desk.rows.take(Stage.PROCESSING, desk.random)
    desk.rows.put(Stage.PROCESSING, generation)
    await desk.connection.fetchrow(sql("read_generation"), generation.id)


_CREATE_PROJECT = Kind(name="create_project", weight=4, run=create_project)
_KINDS = (
    Kind(name="create_generation", weight=22, run=create_generation),
    Kind(name="begin_generation", weight=28, run=begin_generation, needs=Stage.PENDING),
    Kind(name="complete_generation", weight=25, run=complete_generation, needs=Stage.PROCESSING),
    Kind(name="fail_generation", weight=4, run=fail_generation, needs=Stage.PROCESSING),
    Kind(name="revise_generation", weight=2, run=revise_generation, needs=Stage.FINISHED),
    _CREATE_PROJECT,
    Kind(name="create_in_two_projects", weight=3, run=create_in_two_projects),
    Kind(name="create_several", weight=2, run=create_several),
    Kind(name="read_generation", weight=10, run=read_generation, needs=Stage.PROCESSING),
)


async def _insert_generation(desk: Desk, project_id: str, parent: Generation | None = None) -> Generation:
    generation = Generation(id=_new_id(), project_id=project_id)
    user_id, prompt = desk.rows.user(desk.random), desk.contents.prompt(desk.random)
    parent_id = parent.id if parent else None
    row = (generation.id, project_id, user_id, prompt, CONTEXT, parent is not None, parent_id)
    await desk.execute("insert_generation", *row)
    return generation


def _new_id() -> str:
    """Not from the seeded source: the same seed may be used twice on one database."""
    return str(uuid4())
