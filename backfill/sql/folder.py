"""Statements that stand in files of one folder, run by their names; parsed once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from sqlalchemy import CursorResult, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.sql.files import load_sql


class Queries(Protocol):
    """Statements by their names, wherever they come from."""

    async def run(self, connection: AsyncConnection, name: str, parameters: Mapping[str, Any]) -> CursorResult[Any]: ...

    async def explain(
        self, connection: AsyncConnection, name: str, parameters: Mapping[str, Any], *, weigh: bool = False
    ) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class SqlFolder:
    """`<folder>/<name>.sql` in `package`."""

    package: str
    folder: str = "sql"

    async def run(self, connection: AsyncConnection, name: str, parameters: Mapping[str, Any]) -> CursorResult[Any]:
        return await connection.execute(self.statement(name), dict(parameters))

    async def explain(
        self, connection: AsyncConnection, name: str, parameters: Mapping[str, Any], *, weigh: bool = False
    ) -> dict[str, Any]:
        """The plan of the statement; `weigh` executes it, and the plan tells the WAL of each step."""
        options = "ANALYZE, WAL, TIMING OFF, FORMAT JSON" if weigh else "FORMAT JSON"
        result = await connection.execute(text(f"EXPLAIN ({options}) {self.statement(name).text}"), dict(parameters))
        return plan_in(result)

    def statement(self, name: str) -> TextClause:
        return _statement(self.package, f"{self.folder}/{name}.sql")


@cache
def _statement(package: str, file: str) -> TextClause:
    """`text` looks for parameters in the whole statement each time."""
    return text(load_sql(package, file))


def plan_in(result: CursorResult[Any]) -> dict[str, Any]:
    """The topmost step in the answer to an EXPLAIN (FORMAT JSON)."""
    answer = result.scalar_one()
    document = json.loads(answer) if isinstance(answer, str) else answer
    plan: dict[str, Any] = document[0]["Plan"]
    return plan


QUERIES = SqlFolder("backfill.sql", "queries")
"""The library's own statements, which ask the catalog and the server and name no table."""
