"""Verification of the files, a page of rows at a time: reads what the rows say, then looks at the storage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import Row

from backfill.definitions import Refused
from worker.files.comparing import active_of, steps_between
from worker.files.layout import named
from worker.files.storage import Storage
from worker.files.verifying import NOTHING, ORPHANS, Found, Looker, look_at_links, look_at_patches

Ask = Callable[[str, Sequence[str]], Awaitable[Sequence[Row[Any]]]]
"""One of the statements in `sql/`, for these ids."""

ASKED_AT_ONCE = 1_000


async def check_files(ask: Ask, storage: Storage, looker: Looker, ids: Sequence[str]) -> Found:
    """Of the rows of one page, all of them."""
    if not ids:
        return Found()
    rows = [row for row in await ask("page", ids) if row.is_concerned]
    steps = [step for name, step in steps_between(storage, await ask("pairs", ids)).items() if name in ids]
    active = [active_of(storage, row) for row in await ask("active", ids)]
    one_of = {row.project_id: row.id for row in rows}
    found = await _looked_twice(ask, looker, rows)
    await asyncio.to_thread(look_at_patches, storage, steps, found)
    await asyncio.to_thread(look_at_links, storage, [one for one in active if one[0] in one_of], one_of, found)
    for row in await ask("complete_projects", ids):
        known = {f"v{version}__{name}" for name, version in zip(row.ids, row.versions, strict=True)}
        strangers = await asyncio.to_thread(_strangers, storage, row.project_id, known)
        await _note_orphans(ask, row.project_id, strangers, found)
    return found


async def _looked_twice(ask: Ask, looker: Looker, rows: Sequence[Row[Any]]) -> Found:
    """What the application has written between rows and files is gone at a second look."""
    first, second = Found(), Found()
    await asyncio.to_thread(looker.look, rows, first)
    if not first.doubtful:
        return first
    again = [row for row in await ask("page", first.doubtful) if row.is_concerned]
    await asyncio.to_thread(looker.look, again, second)
    second.breaches[NOTHING] += first.breaches[NOTHING]
    return second


async def check_projects(ask: Ask, storage: Storage) -> Found:
    """Folders of projects that are gone: nobody's rows lead to them."""
    found = Found()
    projects = await asyncio.to_thread(lambda: list(storage.projects()))
    for first in range(0, len(projects), ASKED_AT_ONCE):
        some = projects[first : first + ASKED_AT_ONCE]
        known = {row.id for row in await ask("known_projects", some)}
        for project_id in some:
            if project_id not in known:
                for name in await asyncio.to_thread(_strangers, storage, project_id, set()):
                    found.add(ORPHANS, f"{project_id}/{name}")
    return found


def _strangers(storage: Storage, project_id: str, known: set[str]) -> list[str]:
    try:
        return [name for name in storage.names(project_id) if name not in known]
    except Refused:  # an id that is no name for a folder has none
        return []


async def _note_orphans(ask: Ask, project_id: str, names: Sequence[str], found: Found) -> None:
    """But for those of rows that came after the rows were read."""
    places = {name: place for name in names if (place := named(project_id, name)) is not None}
    rows = await ask("places", [place.generation_id for place in places.values()]) if places else []
    young = {f"v{row.version}__{row.id}" for row in rows if row.project_id == project_id}
    for name in names:
        if name not in young:
            found.add(ORPHANS, f"{project_id}/{name}")
