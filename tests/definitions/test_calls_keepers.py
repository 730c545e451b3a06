"""Who keeps right what a function gave: a trigger makes changed rows to do again, and a run wants to see it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import JSON, Column, Integer, MetaData, Numeric, Table
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions.calls import CallsDefinition, calls
from backfill.definitions.keepers import SyncTrigger, sync_trigger
from backfill.definitions.mistakes import AuthorsMistake
from backfill.engine.checking import check_everything
from backfill.runs.findings import Finding
from backfill.runs.states import State
from backfill.sql.database import open_engine
from tests.support.called import Document, add_documents, bound, digest, hashing, worked, wrong_rows
from tests.support.in_process import InProcessRun, in_process_run

NOTES = Table(
    "Odd notes",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("The text", JSON),
    Column("number", Numeric),
    Column("given", Integer),
    Column("beside", Integer),
)


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened


def sha256(**options: Any) -> CallsDefinition:
    return hashing(lambda row: {"sha256": digest(row.text)}, name="sha256", **{"kept_by": "trigger", **options})


async def install(engine: AsyncEngine, definition: CallsDefinition) -> None:
    async with engine.begin() as connection:
        for statement in sync_trigger(definition).create:
            await connection.execute(statement)


async def schema_of(definition: CallsDefinition, engine: AsyncEngine) -> list[Finding]:
    findings = await bound(definition, engine).check_schema()
    return [finding for finding in findings if finding.rule in {"triggers", "kept_by"}]


async def test_a_row_whose_text_changes_is_to_do_again_and_the_next_run_does_it(
    run: InProcessRun, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 200)
    definition = sha256(check="recompute")
    await install(engine, definition)
    await worked(run, bound(definition, engine))

    await sql.execute("UPDATE documents SET body = 'new' WHERE id > 190")
    emptied = await sql.fetchval("SELECT count(*) FROM documents WHERE sha256 IS NULL")
    _, findings = await check_everything(bound(definition, engine))
    await run.enqueue()
    again = await worked(run, bound(definition, engine))

    assert emptied == 10
    assert [(one.rule, one.is_error, one.count) for one in findings] == [("to_do", False, 10)]
    assert (again.state, again.counts.rows_written, await wrong_rows(sql)) == (State.SUCCEEDED, 10, 0)


CHANGES = {
    '"The text" = \'{"a":1}\'': None,
    "number = 1.00": None,
    "number = NULL": None,
    "number = 1.0": 7,
    "beside = 1": 7,
    "number = 2, given = 8": 8,
    "given = 9": 9,
}


async def test_the_trigger_empties_what_was_computed_from_something_else_and_nothing_besides(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    @calls(
        table=NOTES,
        reads=[NOTES.columns["The text"], NOTES.columns.number],
        todo=NOTES.columns.given.is_(None),
        kept_by="trigger",
    )
    def give(row: Any) -> dict[str, int]:
        return {"given": 7}

    await sql.execute(
        'CREATE TABLE "Odd notes" (id int PRIMARY KEY, "The text" json, number numeric, given int, beside int)'
    )
    await install(engine, give)

    for change, given in CHANGES.items():
        await sql.execute("""INSERT INTO "Odd notes" VALUES (1, '{"a": 1}', 1.0, 7, 0)""")
        found = await sql.fetchval(f'UPDATE "Odd notes" SET {change} RETURNING given')  # noqa: S608
        await sql.execute('DELETE FROM "Odd notes"')
        assert found == given, change

    assert await schema_of(give, engine) == []


async def test_a_run_refuses_to_start_without_its_trigger_and_says_how_it_comes_to_be(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 1)
    missing = await schema_of(sha256(), engine)
    await install(engine, sha256())
    await install(engine, sha256())
    there = await schema_of(sha256(), engine)
    await sql.execute("ALTER TABLE documents DISABLE TRIGGER ALL")
    disabled = await schema_of(sha256(), engine)
    async with engine.begin() as connection:
        for statement in sync_trigger(sha256()).drop:
            await connection.execute(statement)

    assert [(one.rule, one.is_error, one.examples) for one in missing] == [
        ("triggers", True, ("documents.sha256_to_do missing",))
    ]
    assert "sync_trigger" in missing[0].remedy
    assert there == []
    assert [one.examples for one in disabled] == [("documents.sha256_to_do disabled",)]
    assert [one.examples for one in await schema_of(sha256(), engine)] == [("documents.sha256_to_do missing",)]


async def test_a_trigger_of_the_authors_own_is_looked_for_and_that_nobody_is_named_is_said(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 1)

    own = await schema_of(sha256(kept_by=SyncTrigger(name="documents_hash", table=Document)), engine)
    nobody = await schema_of(sha256(kept_by=None), engine)

    assert [(one.is_error, one.examples) for one in own] == [(True, ("documents.documents_hash missing",))]
    assert [(one.is_error, one.examples) for one in nobody] == [
        (False, ("nobody is named who keeps sha256 right while the application writes",))
    ]
    for kept_by in ("application", "frozen"):
        assert await schema_of(sha256(kept_by=kept_by), engine) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kept_by": "nobody"}, r"<lambda>.kept_by: 'nobody' is no keeper"),
        ({"todo": None, "writes": [Document.sha256]}, "a trigger makes rows to do again where there are"),
        ({"reads": [Document.id]}, "a trigger makes rows to do again where there are"),
        ({"writes": [Document.id]}, "id is what the rows are walked by"),
        ({"todo": Document.text.is_(None)}, "todo speaks of no column that is not read"),
        ({"reads": ["body"]}, "'body' is no column"),
        ({"concurrency": 0}, "<lambda>.concurrency: give a whole number of 1 or more"),
        ({"runs_in": "fibers"}, "'fibers' is neither"),
        ({"runs_in": "processes"}, "is not at the top of a module"),
        ({"retry_on": [17]}, "give classes of exceptions"),
        ({"timeout": 0}, "give a number above 0"),
        ({"attempts": 3}, "say with retry_on after which exceptions"),
        ({"unknown": 1}, "unknown is none of its options: about, after, "),
    ],
)
def test_an_authors_mistake_is_told_when_the_definition_is_made(options: dict[str, Any], told: str) -> None:
    with pytest.raises(AuthorsMistake, match=told):
        sha256(**options)


async def test_the_rights_that_it_asks_for_are_those_of_its_columns_and_enough(
    database: str, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 10)
    role, server = f"test_{secrets.token_hex(6)}", urlsplit(database)
    await sql.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'hunter2'")
    url = server._replace(netloc=f"{role}:hunter2@{server.hostname}:{server.port}").geturl()
    engine = open_engine(url, application_name="test-definitions")
    limited = bound(sha256(kept_by="application"), engine)
    try:
        missing = await limited.check_privileges(writes=True)
        await sql.execute(missing[0].remedy)
        enough = await limited.check_privileges(writes=True)
        settled = await limited.settle([str(number) for number in range(1, 11)])
    finally:
        await engine.dispose()
        await sql.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")

    lacks = f"the role {role} lacks"
    assert missing[0].examples == (
        f"{lacks} SELECT (id, body, sha256) on documents",
        f"{lacks} UPDATE (sha256) on documents",
    )
    assert (enough, settled.written, await wrong_rows(sql)) == ((), 10, 0)
