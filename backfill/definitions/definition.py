"""A backfill as its author hands it over: a name, a sentence, and how to bind it to a database."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.engine.protocols import Previewable
from backfill.sql.needs import Needs
from backfill.sql.transactions import Limits

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """`name` is what operators type: lower-case letters, digits and hyphens, at most 64. ValueError for any other.

    `about` says in one sentence what a run fills in. `bind` connects to nothing: it is called once in every process
    that has to do with backfills, also where only progress is looked at. `needs` is what it relies on in the schema;
    with its revision there, `backfill schema` can add what is missing.
    """

    name: str
    about: str
    bind: Callable[[AsyncEngine, Limits], Previewable]
    needs: Needs = field(default_factory=Needs)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name for a backfill: lower-case letters, digits and hyphens")
