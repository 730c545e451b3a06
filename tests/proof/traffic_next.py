"""The transactions of the next release: it counts versions, names places and activates for itself.

It is written as a careful application without knowledge of the triggers would be. What it read before it wrote may be
out of date by then; for its numbers that is what the triggers are for, for the active generation it looks again and
gives way: the pointer is changed only if it still is what the flags were changed for.
"""

from __future__ import annotations

from tests.proof import steps, traffic_old
from tests.proof.desk import Desk, Kind, Mix, new_id
from tests.proof.journal import Values
from tests.proof.session import OnPurpose, RowMissing, Work
from worker.demo.old_application.known_rows import Generation, Stage

_TRIES = 20


async def create_version(desk: Desk) -> None:
    """Reads latest_version, inserts the next one, and updates the project."""
    project_id = desk.rows.project(desk.random)
    async with desk.transaction("next: create_version") as work:
        generation = await _insert_version(desk, work, project_id)
        if desk.random.random() < 0.1:
            await steps.linger(desk)
        await steps.touch(work, project_id)
    desk.rows.put(Stage.PENDING, generation)


async def create_project(desk: Desk) -> None:
    """A project with its first version."""
    project_id = new_id()
    async with desk.transaction("next: create_project") as work:
        project = steps.new_project(project_id, desk.rows.user(desk.random))
        await work.insert("insert_project", "projects", project)
        generation = await _insert_version(desk, work, project_id)
    desk.rows.add_project(project_id)
    desk.rows.put(Stage.PENDING, generation)


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


async def _insert_version(desk: Desk, work: Work, project_id: str) -> Generation:
    latest = await work.fetchrow("read_latest_version", project_id)
    if latest is None:
        raise RowMissing(f"read_latest_version found no project {project_id}")
    asked = latest["latest_version"] + 1
    values = {**steps.new_generation(desk, project_id, None), "version": asked, "version_name": f"v{asked}"}
    answer = await work.insert("insert_version", "generations", values)
    if answer is None or answer["version"] < asked:
        raise RowMissing(f"insert_version asked for {asked} and got {answer}")
    work.transaction.writes[-1].values["version"] = answer["version"]
    await work.update("raise_latest_version", "projects", project_id, {}, more=(asked,))
    return Generation(id=str(values["id"]), project_id=project_id)


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
        Kind(name="next: create_version", weight=25, run=create_version),
        Kind(name="next: save_output", weight=18, run=save_output, needs=Stage.PROCESSING),
        Kind(name="next: save_output_only", weight=4, run=save_output_only, needs=Stage.PROCESSING),
        Kind(name="next: activate", weight=8, run=activate, needs=Stage.FINISHED),
        _CREATE_PROJECT,
        *_OF_BOTH,
    ),
    first=_CREATE_PROJECT,
)
