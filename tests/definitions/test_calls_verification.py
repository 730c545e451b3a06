"""What a verification of calls says: what is left to do, what the author says is right, or the function again."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from pydantic import BaseModel
from sqlalchemy import Text, cast, func
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions.calls import CallsDefinition, calls
from backfill.engine.checking import check_everything
from backfill.engine.dry_running import Reach, dry_run
from backfill.engine.previewing import Sampling, preview
from backfill.runs.states import State
from tests.support.called import Document, add_documents, bound, digest, hashing, take_a_while, worked, wrong_rows
from tests.support.defined import LIMITS
from tests.support.in_process import InProcessRun, in_process_run, pace_of

RIGHT = Document.sha256 == func.encode(func.sha256(cast(Document.text, BYTEA)), "hex", type_=Text)


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened


def sha256(**options: Any) -> CallsDefinition:
    return hashing(lambda row: {"sha256": digest(row.text)}, name="sha256", **options)


async def found(definition: CallsDefinition, engine: AsyncEngine) -> dict[str, int]:
    _, findings = await check_everything(bound(definition, engine))
    return {finding.rule: finding.count for finding in findings if finding.is_error}


@pytest.mark.parametrize(
    ("check", "errors"),
    [(None, {}), (RIGHT, {"check": 1}), ("recompute", {"differs": 1})],
    ids=["none", "sql", "again"],
)
async def test_a_wrong_value_looks_done_and_only_a_check_finds_it(
    run: InProcessRun, engine: AsyncEngine, sql: asyncpg.Connection, check: Any, errors: dict[str, int]
) -> None:
    await add_documents(sql, 300)
    await sql.execute("UPDATE documents SET sha256 = 'wrong' WHERE id = 42")
    definition = sha256(check=check)

    ended = await worked(run, bound(definition, engine))

    assert ended.state is (State.FAILED if errors else State.SUCCEEDED)
    assert await found(definition, engine) == errors


async def test_a_row_that_is_left_to_do_is_found_and_done(
    run: InProcessRun, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 300)
    definition = sha256(check="recompute")
    await worked(run, bound(definition, engine))
    await sql.execute("UPDATE documents SET body = 'new', sha256 = NULL WHERE id > 290")

    before = await found(definition, engine)
    await run.enqueue()
    again = await worked(run, bound(definition, engine))

    assert before == {"to_do": 10}
    assert (again.state, again.counts.rows_written, await wrong_rows(sql)) == (State.SUCCEEDED, 10, 0)


async def test_without_todo_a_wrong_value_is_found_and_mended(
    run: InProcessRun, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 300)
    definition = sha256(todo=None, writes=[Document.sha256], check="recompute")
    await worked(run, bound(definition, engine))
    await sql.execute("UPDATE documents SET sha256 = 'wrong' WHERE id = 42")

    before = await found(definition, engine)
    await run.enqueue()
    again = await worked(run, bound(definition, engine))

    assert before == {"differs": 1}
    assert (again.state, again.counts.rows_written, await wrong_rows(sql)) == (State.SUCCEEDED, 1, 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "sha256 has no check: verification only asks whether a row is left to do"),
        ({"todo": None, "writes": [Document.sha256]}, "sha256 has no check: verification says nothing about what was"),
        (
            {"writes": []},
            "sha256 writes nothing: its function is called for a row at least once, perhaps more than once",
        ),
        ({"check": RIGHT}, None),
        ({"check": "recompute"}, None),
    ],
)
async def test_it_is_said_what_nobody_checks(
    engine: AsyncEngine, sql: asyncpg.Connection, options: dict[str, Any], said: str | None
) -> None:
    await add_documents(sql, 1)

    warnings = [one for one in await bound(sha256(**options), engine).check_schema() if one.rule == "unchecked"]

    assert [warning.examples[0][: len(said or "")] for warning in warnings] == ([said] if said else [])
    assert not any(warning.is_error for warning in warnings)


async def test_a_function_that_gives_nothing_is_called_for_every_row_once_in_a_run_and_never_by_a_preview(
    run: InProcessRun, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 300)
    called: list[int] = []

    @calls(table=Document, reads=[], where=Document.id > 100)
    def send(row: Any) -> None:
        called.append(row.id)

    await preview(bound(send, engine), pace_of(100), Sampling(seconds=0.2, stopwatch=lambda: 0.0))
    called_by_preview = len(called)
    ended = await worked(run, bound(send, engine))

    assert (called_by_preview, sorted(called)) == (0, list(range(101, 301)))
    assert (ended.state, ended.counts.rows_written, ended.counts.units_done) == (State.SUCCEEDED, 200, 300)


async def test_a_preview_tries_the_function_out_and_writes_nothing(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 3_000)

    seen = await preview(bound(sha256(), engine), pace_of(100), Sampling(seconds=1, stopwatch=time.monotonic))

    assert seen.sample is not None
    assert seen.sample.units > 0
    assert seen.forecast is not None
    assert {"read_rows", "lock", "compare", "check_page"} <= {plan.statement for plan in seen.statements if plan.steps}
    assert await sql.fetchval("SELECT count(sha256) FROM documents") == 0


async def test_a_preview_names_what_the_function_raises(engine: AsyncEngine, sql: asyncpg.Connection) -> None:
    await add_documents(sql, 300)
    definition = hashing(lambda row: {"sha256": row.unknown}, name="sha256")

    seen = await preview(bound(definition, engine), pace_of(100), Sampling(seconds=0.5, stopwatch=time.monotonic))

    assert seen.sample is not None
    assert seen.sample.refused[0].startswith("the function raised AttributeError at ")


async def test_a_dry_run_calls_the_function_for_every_row_and_writes_nothing(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 120)
    called: list[int] = []

    def slow(row: Any) -> dict[str, str]:
        called.append(row.id)
        take_a_while(row)
        if row.id == 77:
            raise ValueError("alice@example.com")
        return {"sha256": digest(row.text)}

    definition = hashing(slow, concurrency=2)
    told = await dry_run(bound(definition, engine), pace_of(100), Reach(seconds=None, stopwatch=time.monotonic))

    assert (told.complete, told.tried.rows, sorted(called)) == (True, 119, list(range(1, 121)))
    assert [(group.units, group.error.partition(" at ")[0]) for group in told.refused] == [
        (("77",), "the function raised ValueError")
    ]
    assert await sql.fetchval("SELECT count(sha256) FROM documents") == 0


class Country(BaseModel):
    least: int = 1


async def test_a_function_takes_the_parameters_of_its_run_after_the_row(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await add_documents(sql, 10)

    @calls(
        table=Document,
        reads=[Document.text],
        todo=Document.sha256.is_(None),
        where=lambda given: Document.id >= given.least,
        parameters=Country,
    )
    def sha256_from(row: Any, given: Country) -> dict[str, str]:
        return {"sha256": f"{row.id} from {given.least}"}

    units = [str(number) for number in range(1, 11)]
    settled = await sha256_from.bound(engine, LIMITS, Country(least=9)).settle(units)

    rows = await sql.fetch("SELECT sha256 FROM documents WHERE sha256 IS NOT NULL ORDER BY id")
    assert (settled.written, [row["sha256"] for row in rows]) == (2, ["9 from 9", "10 from 9"])
