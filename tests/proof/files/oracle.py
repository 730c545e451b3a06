"""What rows and files have to be in the end, found out from the ledgers of the applications, the rows, and every byte
on disk. It knows the layouts from what is written of them, and uses nothing of the backfill."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from worker.demo.file_application.layouts import FileTree, read_folder
from worker.demo.file_application.ledger import digests

MANIFEST_KEYS = [
    *("generation_id", "project_id", "version", "created_at", "file_count", "total_size_bytes", "files", "metadata"),
]
AT_REST = {"completed", "failed"}
MOST_SHOWN = 20
_ROWS = """
SELECT g.id, g.project_id, g.version, g.status, g.storage_path, g.file_count, g.total_size_bytes, g.is_active,
       g.diff_from_previous, g.changes_summary, p.active_generation_id = g.id AS pointed_to
FROM generations AS g JOIN projects AS p ON p.id = g.project_id
"""


@dataclass(slots=True, kw_only=True)
class Found:
    """`counts` of what there is; `violations` are what must not be, by what it is, with examples."""

    counts: Counter[str] = field(default_factory=Counter)
    violations: dict[str, list[str]] = field(default_factory=dict)

    def wrong(self, what: str, where: str) -> None:
        self.violations.setdefault(what, []).append(where)

    def lines(self) -> Iterator[str]:
        for what, where in sorted(self.violations.items()):
            yield f"{len(where)} x {what}: {', '.join(where[:3])}"


async def examine(database_url: str, root: Path, ledger: Mapping[str, Any]) -> Found:
    """Once nobody writes any more, and all that could be brought over is."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = {row["id"]: dict(row) for row in await connection.fetch(_ROWS)}
    finally:
        await connection.close()
    found, tree = Found(), FileTree(root)
    alive = {name for name, one in ledger.items() if not one["deleted"]}
    for name in alive ^ rows.keys():
        found.wrong("a row is there that was deleted, or is not there that was not", name)
    for name in alive & rows.keys():
        _examine_generation(found, tree, rows[name], ledger[name])
    for project_id in {row["project_id"] for row in rows.values()}:
        of_project = {name: row for name, row in rows.items() if row["project_id"] == project_id}
        _examine_project(found, tree, project_id, of_project)
    _examine_top(found, tree, ledger)
    return found


def _examine_generation(found: Found, tree: FileTree, row: dict[str, Any], known: Mapping[str, Any]) -> None:
    name, folder = row["id"], tree.place(row["project_id"], row["version"], row["id"])
    flat = tree.read_flat(name)
    if (flat is None) != (known["flat"] is None) or (flat is not None and digests(flat) != known["files"]):
        found.wrong("the flat copy is not as the application left it", name)
    if not known["files"] or row["status"] not in AT_REST:
        found.counts["generations without files, or not at rest"] += 1
        if "generations" in Path(row["storage_path"]).parts and not folder.is_dir():
            found.wrong("a row points to nothing", name)
        return
    if row["storage_path"] != str(folder):
        found.wrong("a row does not point to its folder", name)
        return
    if not folder.is_dir():
        found.wrong("a row points to nothing", name)
        return
    found.counts["generations in their folders"] += 1
    content = read_folder(folder / "source")
    if digests(content) != known["files"]:
        found.wrong("a folder has other files or bytes than were written", name)
    _examine_manifest(found, row, folder, content)
    _examine_patch(found, row, folder)


def _examine_manifest(found: Found, row: dict[str, Any], folder: Path, content: Mapping[str, bytes]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    size = sum(map(len, content.values()))
    is_right = (
        list(manifest) == MANIFEST_KEYS
        and (manifest["generation_id"], manifest["project_id"]) == (row["id"], row["project_id"])
        and manifest["version"] == row["version"]
        and sorted(manifest["files"]) == sorted(content)
        and (manifest["file_count"], manifest["total_size_bytes"]) == (len(content), size)
        and list(manifest["metadata"]) == ["prompt", "created_at"]
    )
    if not is_right:
        found.wrong("a manifest is not of its files", row["id"])
    if (row["file_count"], row["total_size_bytes"]) != (len(content), size):
        found.wrong("a row has other sizes than its files", row["id"])


def _examine_patch(found: Found, row: dict[str, Any], folder: Path) -> None:
    if row["diff_from_previous"] is None:
        return
    found.counts["patches"] += 1
    summary = json.loads(row["changes_summary"])
    path = Path(row["diff_from_previous"])
    if path.name != f"diff_from_v{summary['from_version']}.patch" or path.parent != folder or not path.is_file():
        found.wrong("a row points to no patch", row["id"])
    if summary["to_version"] != row["version"]:
        found.wrong("a summary of changes is of another version", row["id"])


def _examine_project(found: Found, tree: FileTree, project_id: str, rows: Mapping[str, dict[str, Any]]) -> None:
    names = {f"v{row['version']}__{name}" for name, row in rows.items()}
    folder = tree.generations(project_id)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name == "active" or path.name in names:
            continue
        if path.name == ".partial":  # under no name that anybody looks for
            found.counts["projects with drafts that a kill has left"] += 1
            continue
        if path.name.startswith("v") and path.name.partition("__")[2] not in rows:
            found.counts["folders of deleted generations"] += 1
        else:
            found.wrong("something is left in a project's folder", f"{project_id}/{path.name}")
    active = next((row for row in rows.values() if row["pointed_to"]), None)
    link = tree.link(project_id)
    leads_to = link.readlink().name if link.is_symlink() else None
    wanted = None
    if active is not None and tree.place(project_id, active["version"], active["id"]).is_dir():
        wanted = f"v{active['version']}__{active['id']}"
    if leads_to != wanted:
        found.wrong("a link does not lead to the active version", f"{project_id}: {leads_to} instead of {wanted}")
    found.counts["links to active versions"] += leads_to is not None


def _examine_top(found: Found, tree: FileTree, ledger: Mapping[str, Any]) -> None:
    projects = {one["project_id"] for one in ledger.values()}
    for path in tree.root.iterdir():
        name = path.name.removesuffix(".zip")
        if name in projects or path.name == ".codebegen-files":
            continue
        if name not in ledger or ledger[name]["deleted"]:
            found.wrong("something is left at the top", path.name)
