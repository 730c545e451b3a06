"""The transactions of the next release: it counts versions, names places and activates for itself.

It is written as a careful application without knowledge of the triggers would be. What it read before it wrote may be
out of date by then; for its numbers that is what the triggers are for, for the active generation it looks again and
gives way: the pointer is changed only if it still is what the flags were changed for.
"""

from __future__ import annotations

from operator import lt

import asyncpg

from tests.proof import steps, traffic_old
from tests.proof.desk import Desk, Kind, Mix, new_id
from tests.proof.journal import Values
from tests.proof.orm import UnitOfWork
from tests.proof.session import OnPurpose, RowMissing, Work
from tests.support.next_release import Generation as Row
from tests.support.next_release import Project
from worker.demo.old_application.known_rows import Generation, Stage

_TRIES = 20


async def create_versions(desk: Desk) -> None:
    """Reads latest_version and counts on: one generation or several, in one project or several, in one flush.

    Some lock the project when they read it: those get just the numbers they counted to. Some give one up first.
    """
    lock = desk.random.random() < 0.3
    chosen = sorted({desk.rows.project(desk.random) for _ in range(desk.random.choice([1, 1, 1, 3]))})
    made: list[Row] = []
    for _ in range(_TRIES):
        made.clear()
        try:
            async with desk.unit_of_work("next: create_versions") as work:
                projects = [await work.project(project_id, lock=lock) for project_id in chosen]
                if desk.random.random() < 0.2:
                    await _give_one_up(desk, work, projects[0])
                for project in projects:
                    made += _count_up(desk, work, project, desk.random.choice([1, 1, 3]))
                await _flush(desk, work, made, exactly=lock)
        except asyncpg.DeadlockDetectedError:
            # A stale writer makes the trigger raise once more, see docs/why.md; to begin again is its part.
            desk.journal.count("retried: deadlock")
        else:
            break
    for row in made:
        desk.rows.put(Stage.PENDING, Generation(id=row.id, project_id=row.project_id))


async def create_version_first(desk: Desk) -> None:
    """The same with a flush in between: the generation, then its project."""
    project_id = desk.rows.project(desk.random)
    async with desk.unit_of_work("next: create_version_first") as work:
        project = await work.project(project_id)
        asked = project.latest_version + 1
        row = _new_version(desk, project_id, asked)
        work.session.add(row)
        await _flush(desk, work, [row], exactly=False)
        project.latest_version, project.status = asked, "active"
        await work.flush()
    desk.rows.put(Stage.PENDING, Generation(id=row.id, project_id=project_id))


async def create_project(desk: Desk) -> None:
    """A project with its first versions, in one flush."""
    project_id = new_id()
    values = steps.new_project(project_id, desk.rows.user(desk.random))
    async with desk.unit_of_work("next: create_project") as work:
        project = Project(latest_version=0, **{key: values[key] for key in values if hasattr(Project, key)})
        work.session.add(project)
        made = _count_up(desk, work, project, desk.random.choice([1, 2]))
        await _flush(desk, work, made, exactly=True)
    desk.rows.add_project(project_id)
    for row in made:
        desk.rows.put(Stage.PENDING, Generation(id=row.id, project_id=project_id))


async def save_output(desk: Desk) -> None:
    """The result with its place, status completed, and activation, in one transaction."""
    generation = desk.rows.take(Stage.PROCESSING, desk.random)
    values = {**steps.result(desk), **_files(desk, generation)}
    for _ in range(_TRIES):
        try:
            async with desk.transaction("next: save_output") as work:
                await work.update("save_output", "generations", generation.id, values)
                await _activate(work, generation)
        except OnPurpose:
            desk.journal.count("retried: another generation was activated meanwhile")
        else:
            break
    desk.rows.put(Stage.FINISHED, generation)


async def save_output_only(desk: Desk) -> None:
    """The result with its place, and it does not become the active one."""
    generation = desk.rows.take(Stage.PROCESSING, desk.random)
    values = {**steps.result(desk), **_files(desk, generation)}
    async with desk.transaction("next: save_output_only") as work:
        await work.update("save_output", "generations", generation.id, values)
        await steps.touch(work, generation.project_id)
    desk.rows.put(Stage.FINISHED, generation)


async def activate(desk: Desk) -> None:
    """A user goes back to a version, or forward."""
    generation = desk.rows.take(Stage.FINISHED, desk.random)
    for _ in range(_TRIES):
        try:
            async with desk.transaction("next: activate") as work:
                found = await work.fetchrow("read_generation", generation.id)
                if found is None:
                    raise RowMissing(f"read_generation found no row {generation.id}")
                if found["status"] == "completed":
                    await _activate(work, generation)
        except OnPurpose:
            desk.journal.count("retried: another generation was activated meanwhile")
        else:
            break
    desk.rows.put(Stage.FINISHED, generation)


def _count_up(desk: Desk, work: UnitOfWork, project: Project, count: int) -> list[Row]:
    made = []
    for _ in range(count):
        project.latest_version += 1
        made.append(_new_version(desk, project.id, project.latest_version))
        work.session.add(made[-1])
    return made


def _new_version(desk: Desk, project_id: str, version: int) -> Row:
    return Row(
        id=new_id(),
        project_id=project_id,
        user_id=desk.rows.user(desk.random),
        prompt=desk.contents.prompt(desk.random),
        version=version,
        version_name=f"v{version}",
    )


async def _flush(desk: Desk, work: UnitOfWork, made: list[Row], *, exactly: bool) -> None:
    """And looks at the numbers; another writer may have been faster unless `exactly`."""
    asked = [row.version for row in made]
    await work.flush()
    given = [row.version for row in made]
    if given != asked if exactly else any(map(lt, given, asked)):
        raise RowMissing(f"the flush asked for {asked} and got {given}")
    if desk.random.random() < 0.1:
        await steps.linger(desk)


async def _give_one_up(desk: Desk, work: UnitOfWork, project: Project) -> None:
    """The raise and the generation, by a rollback to a savepoint."""
    try:
        async with work.session.begin_nested():
            _count_up(desk, work, project, 1)
            await work.session.flush()
            raise OnPurpose
    except OnPurpose:
        await work.session.refresh(project)


def _files(desk: Desk, generation: Generation) -> Values:
    file_count = desk.random.randint(1, 40)
    return {
        "storage_path": f"./storage/projects/{generation.project_id}/{generation.id}",
        "file_count": file_count,
        "total_size_bytes": file_count * desk.random.randint(200, 9_000),
        "diff_from_previous": f"+ {file_count} files\n",
        "changes_summary": '{"added": [ ],  "changed": []}',
    }


async def _activate(work: Work, generation: Generation) -> None:
    """Flags first, as everything is written before its project; OnPurpose when somebody else was faster."""
    before = await work.fetchrow("read_active", generation.project_id)
    if before is None:
        raise RowMissing(f"read_active found no project {generation.project_id}")
    active_id = before["active_generation_id"]
    if active_id == generation.id:
        return
    if active_id is not None:
        await work.fetchrow("set_flag", active_id, False)
    await work.fetchrow("set_flag", generation.id, True)
    changed = await work.update_if("activate", "projects", generation.project_id, more=(generation.id, active_id))
    if not changed:
        raise OnPurpose
    work.transaction.activations.append((generation.project_id, generation.id))


_CREATE_PROJECT = Kind(name="next: create_project", weight=4, run=create_project)
_OF_BOTH = [
    kind
    for kind in traffic_old.KINDS
    if kind.name in {"begin_generation", "fail_generation", "revise_generation", "delete_generation", "read_generation"}
]
MIX = Mix(
    (
        Kind(name="next: create_versions", weight=15, run=create_versions),
        Kind(name="next: create_version_first", weight=10, run=create_version_first),
        Kind(name="next: save_output", weight=18, run=save_output, needs=Stage.PROCESSING),
        Kind(name="next: save_output_only", weight=4, run=save_output_only, needs=Stage.PROCESSING),
        Kind(name="next: activate", weight=8, run=activate, needs=Stage.FINISHED),
        _CREATE_PROJECT,
        *_OF_BOTH,
    ),
    first=_CREATE_PROJECT,
)
