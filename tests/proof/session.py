"""One connection of the application, whose every write goes into the journal.

A statement is a file in sql/traffic: its parameters are the id and then the written columns in their order. It returns
what the server made (times) and the server's clock, and the journal takes the rest from what was sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from backfill.sql.database import connection_failure
from backfill.sql.files import read_sql
from tests.proof.journal import ANYTHING, Change, Journal, Transaction, Values
from worker.demo.old_application.connections import DATABASE_ERRORS

_SQL = Path(__file__).with_name("sql") / "traffic"
_TIMES: dict[str, object] = {"created_at": ANYTHING, "updated_at": ANYTHING}

# Columns that an INSERT leaves to their defaults.
DEFAULTS: Mapping[str, Values] = {
    table: dict.fromkeys(columns)
    for table, columns in {
        "users": (
            *("full_name", "hashed_password", "avatar_url", "bio", "location", "website", "github_id"),
            *("github_username", "github_access_token", "preferences"),
        ),
        "projects": ("organization_id", "github_repo_url", "github_repo_name"),
        "generations": (
            *("context", "extracted_schema", "output_files", "review_feedback", "documentation", "quality_score"),
            *("error_message", "schema_extraction_time", "code_generation_time", "review_time"),
            *("docs_generation_time", "total_time", "parent_generation_id"),
        ),
        "artifacts": ("file_metadata",),
    }.items()
}


class RowMissing(Exception):
    """An UPDATE or DELETE met no row, though the application knows that it is there."""

    sqlstate = "02000"


class OnPurpose(Exception):
    """The application changes its mind and rolls back."""


@dataclass(frozen=True, slots=True)
class Work:
    """The statements of one transaction."""

    connection: asyncpg.Connection[asyncpg.Record]
    transaction: Transaction

    async def insert(self, name: str, table: str, values: Values) -> asyncpg.Record | None:
        """None when ON CONFLICT DO NOTHING did nothing."""
        rows = await self.insert_several(name, table, [values], list(values.values()))
        return rows[0] if rows else None

    async def insert_several(
        self, name: str, table: str, rows: Sequence[Values], arguments: Sequence[object]
    ) -> list[asyncpg.Record]:
        """One statement; which rows came in is told by what it returns."""
        writes = {
            str(values["id"]): self.transaction.write(
                Change.INSERT, table, str(values["id"]), {**DEFAULTS[table], **_TIMES, **values}
            )
            for values in rows
        }
        answers: list[asyncpg.Record] = await self.connection.fetch(sql(name), *arguments)
        for answer in answers:
            write = writes.pop(answer["id"])
            write.values.update(created_at=answer["created_at"], updated_at=answer["updated_at"])
            write.stamp = answer["stamp"]
        for write in writes.values():
            self.transaction.writes.remove(write)
        return answers

    async def copy(self, table: str, rows: Sequence[Values]) -> None:
        """COPY answers nothing, so the rows bring their own times."""
        for values in rows:
            self.transaction.write(Change.INSERT, table, str(values["id"]), {**DEFAULTS[table], **values})
        records = [tuple(values.values()) for values in rows]
        await self.connection.copy_records_to_table(table, records=records, columns=list(rows[0]))

    async def update(
        self, name: str, table: str, row_id: str, values: Values, *, more: Sequence[object] = ()
    ) -> asyncpg.Record:
        """`more` are parameters after the written columns."""
        answer = await self._update(name, table, row_id, values, more)
        if answer is None:
            raise RowMissing(f"{name} found no row {row_id} in {table}")
        return answer

    async def update_if(self, name: str, table: str, row_id: str, *, more: Sequence[object]) -> bool:
        """Of the journal's columns it changes `updated_at` at most; False when the row is not as it should be."""
        return await self._update(name, table, row_id, {}, more) is not None

    async def _update(
        self, name: str, table: str, row_id: str, values: Values, more: Sequence[object]
    ) -> asyncpg.Record | None:
        write = self.transaction.write(Change.UPDATE, table, row_id, {**values, "updated_at": ANYTHING})
        answer = await self.connection.fetchrow(sql(name), row_id, *values.values(), *more)
        if answer is None:
            self.transaction.writes.remove(write)
        else:
            write.values["updated_at"] = answer["updated_at"]
            write.stamp = answer["stamp"]
        return answer

    async def delete(self, name: str, table: str, key: str) -> None:
        """By whatever the statement finds with `key`; the rows are known before only where the key is an id."""
        expected = self.transaction.write(Change.DELETE, table, key, {}) if name == "delete_generation" else None
        answers = await self.connection.fetch(sql(name), key)
        if expected is not None and len(answers) != 1:
            raise RowMissing(f"{name} found {len(answers)} rows {key}")
        for answer in answers:
            if expected is None:
                self.transaction.write(Change.DELETE, table, answer["id"], {})

    async def fetchrow(self, name: str, *arguments: object) -> asyncpg.Record | None:
        return await self.connection.fetchrow(sql(name), *arguments)


@asynccontextmanager
async def transaction(
    connection: asyncpg.Connection[asyncpg.Record], journal: Journal, kind: str, isolation: Any = None
) -> AsyncIterator[Work]:
    """BEGIN to COMMIT. Every error is raised; what it means for the rows is in the journal by then."""
    noted = Transaction(kind=kind)
    began = connection.transaction(isolation=isolation)
    await began.start()
    try:
        yield Work(connection, noted)
    except BaseException:
        with suppress(*DATABASE_ERRORS):
            await began.rollback()
        raise
    async with decided(journal, noted):
        await began.commit()


@asynccontextmanager
async def single_statement(
    connection: asyncpg.Connection[asyncpg.Record], journal: Journal, kind: str
) -> AsyncIterator[Work]:
    """A statement that commits by itself."""
    noted = Transaction(kind=kind)
    async with decided(journal, noted):
        yield Work(connection, noted)


@asynccontextmanager
async def decided(journal: Journal, noted: Transaction) -> AsyncIterator[None]:
    """Commits inside: acknowledged, or refused by the server, or nobody knows."""
    try:
        yield
    except BaseException as error:
        refused = isinstance(error, asyncpg.PostgresError) and connection_failure(error) is None
        if not refused and not isinstance(error, RowMissing | OnPurpose):
            journal.unknown(noted)
        raise
    journal.committed(noted)


def sql(name: str) -> str:
    return read_sql(_SQL / f"{name}.sql")
