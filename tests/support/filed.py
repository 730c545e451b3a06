"""Generations that have their versions, and files on disk as the application has left them."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from tests.support.old_rows import at_minute

FILES = {"main.py": "print('hello')\n", "app/api/routes.py": "ROUTES = ['/']\n", "README.md": "# Héllo\n"}
_INSERT = """
    INSERT INTO generations (
        id, project_id, user_id, prompt, status, is_iteration, created_at, updated_at, version, storage_path,
        output_files
    ) VALUES ($1, $2, 'user', 'Build it', $3, false, $4, $4, $5, $6, CAST($7 AS text)::json)
"""


@dataclass(frozen=True, slots=True)
class Filed:
    """`root` is the folder that FILE_STORAGE_PATH names, `sql` a session of the application's."""

    root: Path
    sql: asyncpg.Connection

    async def add_project(self, project_id: str) -> None:
        await self.sql.execute(
            "INSERT INTO projects (id, user_id, name, tech_stack, status, is_public)"
            " VALUES ($1, 'user', 'A project', 'fastapi', 'active', false)",
            project_id,
        )

    async def add(
        self, project_id: str, generation_id: str, version: int, output: Any = None, *, status: str = "completed"
    ) -> None:
        """As `generation-versions` has left it; the first one makes its project."""
        if version == 1:
            await self.add_project(project_id)
        await self.sql.execute("SET session_replication_role = replica")
        content = None if output is None else json.dumps(output)
        flat = f"./storage/projects/{generation_id}"
        created_at = at_minute(version)
        await self.sql.execute(_INSERT, generation_id, project_id, status, created_at, version, flat, content)
        await self.sql.execute("SET session_replication_role = DEFAULT")
        await self.sql.execute("UPDATE projects SET latest_version = $2 WHERE id = $1", project_id, version)

    async def activate(self, project_id: str, generation_id: str | None) -> None:
        await self.sql.execute(
            "UPDATE generations SET is_active = (id = $2) WHERE project_id = $1", project_id, generation_id
        )
        await self.sql.execute("UPDATE projects SET active_generation_id = $2 WHERE id = $1", project_id, generation_id)

    async def row(self, generation_id: str) -> asyncpg.Record:
        row = await self.sql.fetchrow("SELECT * FROM generations WHERE id = $1", generation_id)
        assert row is not None
        return row

    def put_flat(self, generation_id: str, files: dict[str, str | bytes] | dict[str, str]) -> Path:
        folder = self.root / generation_id
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    def put_zip(self, generation_id: str, files: dict[str, str]) -> Path:
        path = self.root / f"{generation_id}.zip"
        path.write_bytes(zipped(files))
        return path

    def folder(self, project_id: str, version: int, generation_id: str) -> Path:
        return self.root / project_id / "generations" / f"v{version}__{generation_id}"


def zipped(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    """Of every file below, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def as_bytes(files: dict[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in files.items()}
