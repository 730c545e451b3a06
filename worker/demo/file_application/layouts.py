"""Both layouts of files on disk, as the application looks them up and writes them.

    flat            <root>/<generation>/<file>, or <root>/<generation>.zip
    hierarchical    <root>/<project>/generations/v<version>__<generation>/source/<file>, with a manifest.json beside it

What is here is the application's, and shares nothing with the backfill that brings files from one to the other.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

Files = Mapping[str, bytes]
SOURCE, MANIFEST, ACTIVE = "source", "manifest.json", "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a manifest says of a generation besides its files."""

    generation_id: str
    project_id: str
    version: int
    created_at: datetime
    prompt: str


@dataclass(frozen=True, slots=True)
class FileTree:
    """The files below one root; every method blocks."""

    root: Path

    def flat(self, generation_id: str) -> Path:
        return self.root / generation_id

    def zipped(self, generation_id: str) -> Path:
        return self.root / f"{generation_id}.zip"

    def generations(self, project_id: str) -> Path:
        return self.root / project_id / "generations"

    def link(self, project_id: str) -> Path:
        return self.generations(project_id) / ACTIVE

    def place(self, project_id: str, version: int, generation_id: str) -> Path:
        """The folder of a version under its final name; its text is what a row has as its path."""
        return self.generations(project_id) / f"v{version}__{generation_id}"

    def versioned(self, project_id: str, version: int, generation_id: str) -> Path | None:
        """The first folder of that version, before one is looked for by the generation's id."""
        folder = self.generations(project_id)
        for pattern in (f"v{version}__*", f"v*__{generation_id}"):
            if (first := next(folder.glob(pattern), None)) is not None:
                return first
        return None

    def read_flat(self, generation_id: str) -> dict[str, bytes] | None:
        """The lookup of who does not know the project: the flat folder, else the zip."""
        if self.flat(generation_id).is_dir():
            return read_folder(self.flat(generation_id))
        if self.zipped(generation_id).is_file():
            return read_zip(self.zipped(generation_id))
        return None

    def read_versioned(self, project_id: str, version: int, generation_id: str) -> dict[str, bytes] | None:
        """The lookup of who knows it: hierarchical before flat."""
        if (folder := self.versioned(project_id, version, generation_id)) is not None:
            return read_generation(folder)
        return self.read_flat(generation_id)

    @contextmanager
    def staged(self, files: Files) -> Iterator[Path]:
        """A folder with all the files, beside those that anybody looks at: a full disk is met here."""
        stage = self.root / f".upload-{uuid4().hex}"
        try:
            write_files(stage, files)
            yield stage
        finally:
            shutil.rmtree(stage, ignore_errors=True)


def read_generation(folder: Path) -> dict[str, bytes]:
    """A generation in the hierarchical layout; ValueError where its manifest does not agree with its files."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    files = read_folder(folder / SOURCE)
    size = sum(map(len, files.values()))
    if (manifest["file_count"], manifest["total_size_bytes"]) != (len(files), size):
        raise ValueError(f"the manifest of {folder.name} speaks of other files")
    return files


def read_folder(folder: Path) -> dict[str, bytes]:
    """By path relative to it, with forward slashes."""
    found = {}
    for place, _, names in os.walk(folder, onerror=_raise):
        for name in names:
            path = Path(place, name)
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def _raise(error: OSError) -> NoReturn:
    raise error


def read_zip(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def write_files(folder: Path, files: Files) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def write_zip(path: Path, files: Files) -> None:
    """Whole or not at all."""
    beside = path.with_name(f".upload-{uuid4().hex}")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def take_over(stage: Path, folder: Path) -> None:
    """Makes `folder` hold what `stage` holds, file by file, as an application does that is used to it."""
    new = {path.relative_to(stage) for path in stage.rglob("*") if path.is_file()}
    for path in new:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (stage / path).replace(folder / path)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder) not in new:
            path.unlink()


def manifest_of(about: Described, files: Files) -> str:
    created = about.created_at.astimezone(UTC).isoformat()
    document = {
        "generation_id": about.generation_id,
        "project_id": about.project_id,
        "version": about.version,
        "created_at": created,
        "file_count": len(files),
        "total_size_bytes": sum(map(len, files.values())),
        "files": sorted(files),
        "metadata": {"prompt": about.prompt, "created_at": created},
    }
    return json.dumps(document, indent=2)


def point_to(link: Path, folder: Path | None) -> None:
    """The symlink leads to that folder beside it, or is gone."""
    if folder is None:
        link.unlink(missing_ok=True)
        return
    beside = link.with_name(f".{ACTIVE}-{uuid4().hex}")
    beside.symlink_to(folder.name)
    beside.replace(link)


def remove(path: Path) -> None:
    """A folder or a file, there or not."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            path.unlink()
