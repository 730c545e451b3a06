"""Which backfills there are, each with what it does; none of them is loaded to know that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backfill.runs.errors import UsageError
from worker.generations import ABOUT, NAME

SHIPPED: Mapping[str, str] = {NAME: ABOUT}


def the_only_one(names: Iterable[str]) -> str:
    """What need not be named while there is no other. Raises UsageError with what there is to choose from."""
    known = sorted(names)
    if len(known) == 1:
        return known[0]
    if not known:
        raise UsageError("There is no backfill.", "Install one.")
    raise UsageError("There are several backfills.", f"Name one: {', '.join(known)}.")
