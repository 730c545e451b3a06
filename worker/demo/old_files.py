"""Old files beside old data: flat folders, zips, texts in the rows alone, and folders of which the rows know nothing.

Which generation has what follows from its id and the seed, so the same seed always gives the same files.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path

from sqlalchemy import null, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.demo.file_application.layouts import FileTree, write_files, write_zip
from worker.schema.models import generations

FOLDERS, ZIPS, IN_ROWS, FOLDERS_ALONE = "folders", "zips", "in their rows alone", "folders unknown to their rows"
# Of 256 generations that are completed, so many below each.
_KINDS = ((140, FOLDERS), (190, ZIPS), (235, IN_ROWS), (256, FOLDERS_ALONE))
# Of 256 of those that their rows could replace, so many are old enough for the application to clean them away.
_LONG_THERE = 20
_LONG_SECONDS, _RECENT_SECONDS = 60 * 24 * 3600, 14 * 24 * 3600
# No text in any encoding: rows have nothing of the kind.
_PICTURE = b"\x89PNG\r\n\x1a\n\x00\xff\xfe"
ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class OldFiles:
    """How many generations have what, and how many files there are on disk outside of zips."""

    generations: Counter[str]
    files: int


async def create_old_files(engine: AsyncEngine, root: Path, seed: int, *, only: str | None = None) -> OldFiles:
    """For every completed generation that has texts in its row; run it before anything else writes there. `only`: all
    of them are of this kind."""
    tree, counts, files, alone = FileTree(root), Counter[str](), 0, list[str]()
    await asyncio.to_thread(root.mkdir, parents=True, exist_ok=True)
    columns = generations.c
    query = select(columns.id, columns.output_files).where(columns.output_files.is_not(None)).order_by(columns.id)
    async with engine.connect() as connection:
        rows = await connection.stream(query.execution_options(yield_per=ROWS_AT_ONCE))
        async for row in rows:
            if not isinstance(row.output_files, dict):
                continue
            contents = {path: str(text).encode() for path, text in row.output_files.items()}
            draw = md5(f"{seed}:{row.id}".encode(), usedforsecurity=False).digest()
            kind = only or next(name for below, name in _KINDS if draw[0] < below)
            files += await asyncio.to_thread(_write, tree, row.id, kind, contents)
            await asyncio.to_thread(_age, tree, row.id, draw, may_go=kind != FOLDERS_ALONE)
            counts[kind] += 1
            if kind == FOLDERS_ALONE:
                alone.append(row.id)
    async with engine.begin() as connection:
        for start in range(0, len(alone), ROWS_AT_ONCE):
            some = columns.id.in_(alone[start : start + ROWS_AT_ONCE])
            await connection.execute(update(generations).where(some).values(output_files=null()))
    return OldFiles(generations=counts, files=files)


def _write(tree: FileTree, generation_id: str, kind: str, contents: dict[str, bytes]) -> int:
    if kind == ZIPS:
        write_zip(tree.zipped(generation_id), contents)
    elif kind == FOLDERS:
        write_files(tree.flat(generation_id), contents)
        return len(contents)
    elif kind == FOLDERS_ALONE:
        write_files(tree.flat(generation_id), {**contents, "app/static/logo.png": _PICTURE + generation_id.encode()})
        return len(contents) + 1
    return 0


def _age(tree: FileTree, generation_id: str, draw: bytes, *, may_go: bool) -> None:
    is_long_there = may_go and draw[1] < _LONG_THERE
    at = time.time() - (_LONG_SECONDS if is_long_there else _RECENT_SECONDS * draw[2] / 256)
    for path in (tree.flat(generation_id), tree.zipped(generation_id)):
        if path.exists():
            os.utime(path, (at, at))
