"""Between the files and the row: drafts get their final names, while the row holds still.

    flush -> lock and compare the rows -> give the names -> commit -> flush -> the rows are written, compared again

The application finds a version by its name whatever the row says. So a name must not come up while the application is
writing other files for the same generation: it has told the row before it began, and then the draft is thrown away;
or it waits for the lock, and finds the new folder when it looks for the place to write to.

The first flush is for the files: a power failure must not leave a name that leads to half of them. The second is for
the names: no row may point to one that a power failure has taken away. Each is one for a whole batch, because what it
costs is a wait for the disk, and hardly the number of files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from backfill.definitions import Refused
from backfill.definitions.calls.bound import Called, Calls
from backfill.definitions.calls.writing import unchanged
from backfill.runs.failures import BatchFailed, Failure
from backfill.sql.transactions import transaction
from worker.files.storage import Staged, Storage

# Each of them keeps folders open.
MOST_DRAFTS = 64
NAMED_AT_ONCE = 8


class Brought(dict[str, Any]):
    """What is to be written to a row; `draft` is what has to get its name before, where there is something."""

    def __init__(self, values: Mapping[str, Any], draft: Staged | None) -> None:
        super().__init__(values)
        self.draft = draft


async def publish(calls: Calls, storage: Storage, called: Called) -> Called:
    """Without the rows that were changed meanwhile, and those whose files cannot be kept."""
    drafts = drafts_of(called)
    if not drafts:
        return called
    if why_not := await asyncio.to_thread(_flushed, storage):
        return _without(called, dict.fromkeys(drafts, why_not), frozenset(), frozenset(drafts))
    async with transaction(calls.engine, calls.limits) as connection:
        same, contended = await unchanged(connection, calls.spec, [called.news[unit_id] for unit_id in drafts])
        named = {unit_id: drafts[unit_id] for unit_id in same}
        refused = await asyncio.to_thread(_named, storage, named)
    if why_not := await asyncio.to_thread(_flushed, storage):
        refused |= dict.fromkeys(same, why_not)
    return _without(called, refused, contended, drafts.keys() - same)


def drafts_of(called: Called) -> dict[str, Staged]:
    given = {unit_id: new.given for unit_id, new in called.news.items()}
    return {unit_id: one.draft for unit_id, one in given.items() if isinstance(one, Brought) and one.draft is not None}


def discard(called: Called) -> None:
    """What is left of the drafts."""
    for draft in drafts_of(called).values():
        draft.discard()


def _flushed(storage: Storage) -> str | None:
    """Why not, where the system refuses."""
    try:
        storage.flush()
    except Refused as error:
        return str(error)
    return None


def _named(storage: Storage, drafts: Mapping[str, Staged]) -> dict[str, str]:
    """Why not, of those that the system refuses."""

    def named(draft: Staged) -> str | None:
        try:
            storage.publish([draft])
        except Refused as error:
            return str(error)
        return None

    with ThreadPoolExecutor(NAMED_AT_ONCE) as pool:  # an object store takes its time for each
        reasons = zip(drafts, pool.map(named, drafts.values()), strict=True)
        return {unit_id: reason for unit_id, reason in reasons if reason is not None}


def _without(
    called: Called, refused: Mapping[str, str], contended: frozenset[str], others: frozenset[str] | set[str]
) -> Called:
    reasons = {unit_id: BatchFailed(Failure.ROW, reason, sqlstate=None) for unit_id, reason in refused.items()}
    left_out = reasons.keys() | contended | others
    return replace(
        called,
        news={unit_id: new for unit_id, new in called.news.items() if unit_id not in left_out},
        refused={**called.refused, **reasons},
        contended=called.contended | contended,
    )
