"""The files of the demo: as they are today, an application that works with them, and what became of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from backfill.runs.wording import counted
from backfill.sql.database import open_engine
from worker.demo.children import Child, Children
from worker.demo.file_application import Account
from worker.demo.narration import Narrator, Stopwatch
from worker.demo.old_files import OldFiles, create_old_files
from worker.demo.stage import APPLICATION_NAME, Stage

SIZES, FILES = "generation-sizes", "generation-files"
FILES_DEFINITIONS = "worker.files"
MARK_ROOT = "backfill files-root --create"
PROGRAM = "python -m worker.demo.file_application"
SEED = 1
LINES_SHOWN, VERSIONS_SHOWN = 16, 3


async def write_old_files(stage: Stage, narrator: Narrator) -> OldFiles:
    took = Stopwatch()
    engine = open_engine(stage.urls.database_url, application_name=APPLICATION_NAME, command_timeout_seconds=None)
    try:
        with narrator.busy("writing files"):
            old = await create_old_files(engine, stage.files, SEED)
    finally:
        await engine.dispose()
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in old.generations.items())
    narrator.say(f"{counted(old.files, 'file')} in {stage.files}, written in {took}.")
    narrator.say(f"Generations by where their files are: {kinds}.")
    return old


class FileApplicationProcess:
    """Speaks to `python -m worker.demo.file_application`, which answers in JSON lines."""

    def __init__(self, child: Child) -> None:
        self._child = child

    async def stop(self) -> Account:
        self._child.close_input()
        stopped: dict[str, Any] = json.loads(await self._child.read_line())
        await self._child.succeed()
        return Account.of(stopped["account"])


async def start_file_application(children: Children, root: Path) -> FileApplicationProcess:
    """Returns when it knows what each of the files holds, and is at work."""
    child = await children.start(PROGRAM, f"--root={root}")
    await child.read_line()
    return FileApplicationProcess(child)


def largest_project(root: Path) -> tuple[str, ...]:
    """A folder that has several versions, in lines; of its files the first ones."""
    folders = [path for path in root.iterdir() if (path / "generations").is_dir()]
    if not folders:
        return ()
    project = max(folders, key=lambda path: (len(list((path / "generations").iterdir())) <= LINES_SHOWN, path.name))
    return tuple(_lines(project))


def _lines(project: Path) -> list[str]:
    generations = project / "generations"
    lines = [f"{project.name}/generations/"]
    versions = sorted(generations.glob("v*__*"), key=lambda path: int(path.name[1:].partition("__")[0]))
    for version in versions[:VERSIONS_SHOWN]:
        lines.append(f"  {version.name}/")
        lines += [f"    {path.name}" for path in sorted(version.iterdir())]
    if len(versions) > VERSIONS_SHOWN:
        lines.append(f"  ... and {counted(len(versions) - VERSIONS_SHOWN, 'version')} more")
    if (generations / "active").is_symlink():
        lines.append(f"  active -> {(generations / 'active').readlink()}")
    return lines
