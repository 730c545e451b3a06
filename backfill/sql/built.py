"""Statements that are built with SQLAlchemy Core from an author's tables and expressions: run, explained, rendered.

A table without a schema is one in public, whatever the search_path: what the catalog is asked about and what a
statement means is then the same.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, Executable
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ClauseElement

from backfill.sql.folder import plan_in
from backfill.sql.tables import PUBLIC

_SCHEMAS: dict[str | None, str | None] = {None: PUBLIC}


def _dialect() -> PGDialect_asyncpg:
    dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]  # of SQLAlchemy
    # Until it has met a server it doubles them, as servers wanted it whose strings are not standard.
    dialect._backslash_escapes = False  # noqa: SLF001 - there is no public way to say so
    return dialect


DIALECT = _dialect()


async def run_built(connection: AsyncConnection, statement: Executable) -> CursorResult[Any]:
    return await connection.execute(statement, execution_options={"schema_translate_map": _SCHEMAS})


async def explain_built(connection: AsyncConnection, statement: Executable, *, weigh: bool = False) -> dict[str, Any]:
    """The plan of the statement; `weigh` executes it, and the plan tells the WAL of each step."""
    wanted = "ANALYZE, WAL, TIMING OFF, FORMAT JSON" if weigh else "FORMAT JSON"
    return plan_in(await connection.exec_driver_sql(f"EXPLAIN ({wanted}) {render(cast('ClauseElement', statement))}"))


def render(element: ClauseElement) -> str:
    """As text for a function's body, values included. Raises CompileError for a value that has no literal."""
    compiled = element.compile(
        dialect=DIALECT,
        schema_translate_map=_SCHEMAS,
        render_schema_translate=True,
        compile_kwargs={"literal_binds": True},
    )
    return str(compiled)
