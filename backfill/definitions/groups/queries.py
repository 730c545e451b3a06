"""Every statement of a run by its name: made of the declaration, or the author's own from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import Column, CursorResult, Executable, Text, column, false, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import TextClause

from backfill.definitions.groups import statements
from backfill.definitions.groups.declaration import Declaration
from backfill.definitions.walk.keys import as_text
from backfill.definitions.walk.pages import page_statement
from backfill.definitions.walk.planning import split_statement
from backfill.sql.built import explain_built, run_built
from backfill.sql.plans import Statement

STATEMENTS = (
    Statement(name="split", part_of="planning", writes=False),
    Statement(name="read_page", part_of="reading ahead", writes=False, in_order=True),
    Statement(name="read_units", part_of="reading ahead", writes=False),
    Statement(name="lock_units", part_of="a batch", writes=True),
    Statement(name="lock_rows", part_of="a batch", writes=True),
    Statement(name="count_locked", part_of="a batch", writes=False),
    Statement(name="settle", part_of="a batch", writes=True),
    Statement(name="read_keys", part_of="verification", writes=False, in_order=True),
    Statement(name="check", part_of="verification", writes=False),
)


class GroupQueries:
    """What `backfill.sql.folder.Queries` describes."""

    def __init__(self, declaration: Declaration) -> None:
        walk = declaration.walk
        self._built: Mapping[str, Callable[..., Executable]] = {
            "split": partial(split_statement, walk),
            "read_page": partial(statements.read_page, declaration),
            "read_units": partial(statements.read_units, declaration),
            "count_rows": partial(statements.count_rows, declaration),
            "lock_units": partial(statements.lock_units, declaration),
            "lock_rows": partial(statements.lock_rows, declaration),
            "count_locked": partial(statements.count_locked, declaration),
            "count_left": partial(statements.count_left, declaration),
            "count_pages": lambda ids: statements.count_pages(declaration, ids),
            "read_keys": lambda bounds, units: page_statement(walk, walk.between(*bounds), false(), units=units),
        }
        self._folder = declaration.folder
        self._check = _with_types(declaration.folder.statement("check"), walk.identity)

    async def run(self, connection: AsyncConnection, name: str, parameters: Mapping[str, Any]) -> CursorResult[Any]:
        if name == "check":
            return await connection.execute(self._check, dict(parameters))
        if name not in self._built:
            return await self._folder.run(connection, name, parameters)
        return await run_built(connection, self._built[name](**parameters))

    async def explain(
        self, connection: AsyncConnection, name: str, parameters: Mapping[str, Any], *, weigh: bool = False
    ) -> dict[str, Any]:
        if name not in self._built:
            return await self._folder.explain(connection, name, parameters, weigh=weigh)
        return await explain_built(connection, self._built[name](**parameters), weigh=weigh)


def _with_types(check: TextClause, identity: tuple[Column[Any], ...]) -> Executable:
    """Breaches as the author's statement finds them, their units' keys as texts."""
    names = [column("rule", Text), *(column(one.name, one.type) for one in identity)]
    found = check.columns(*names).subquery("found")
    return select(found.columns.rule, *(as_text(found.columns[one.name]) for one in identity))
