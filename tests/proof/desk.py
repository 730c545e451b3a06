"""What one transaction of the application works with, and how kinds of transactions are chosen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from random import Random
from typing import Literal
from uuid import uuid4

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.proof.journal import Journal
from tests.proof.orm import UnitOfWork, unit_of_work
from tests.proof.session import Work, single_statement, transaction
from worker.demo.old_application.contents import Contents
from worker.demo.old_application.known_rows import KnownRows, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """`hold` keeps a transaction open for that many seconds. `pooled` is the connection as the ORM uses it."""

    connection: asyncpg.Connection[asyncpg.Record]
    pooled: AsyncConnection
    journal: Journal
    rows: KnownRows
    contents: Contents
    random: Random
    hold: Callable[[float], Awaitable[None]]

    def transaction(
        self, kind: str, isolation: Literal["repeatable_read"] | None = None
    ) -> AbstractAsyncContextManager[Work]:
        return transaction(self.connection, self.journal, kind, isolation)

    def unit_of_work(self, kind: str) -> AbstractAsyncContextManager[UnitOfWork]:
        return unit_of_work(self.pooled, self.journal, kind)

    def single_statement(self, kind: str) -> AbstractAsyncContextManager[Work]:
        return single_statement(self.connection, self.journal, kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`weight` says how often, possible while there is a generation in the stage it `needs`."""

    name: str
    weight: float
    run: Callable[[Desk], Awaitable[None]]
    needs: Stage | None = None


@dataclass(frozen=True, slots=True)
class Mix:
    """The kinds of transactions of a release; `first` is what it does in a database without projects."""

    kinds: Sequence[Kind]
    first: Kind

    def choose(self, rows: KnownRows, random: Random) -> Kind:
        if not rows.has_projects:
            return self.first
        possible = [kind for kind in self.kinds if kind.needs is None or rows.has(kind.needs)]
        return random.choices(possible, [kind.weight for kind in possible])[0]


def new_id() -> str:
    """Not from the seeded source: the same seed may be used twice on one database."""
    return str(uuid4())
