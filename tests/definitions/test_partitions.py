"""Divided tables are walked a partition after the other; what is no table of rows is refused by what it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, func, true
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.definitions import Columns
from backfill.definitions.columns import statements
from backfill.definitions.walk import plan, read_page
from backfill.definitions.walk.checking import Breach, check_statement, glance_statement, rest_statement
from backfill.definitions.walk.pages import page_statement
from backfill.definitions.walk.walk import Walk
from backfill.engine.steering import Steering
from backfill.runs.ranges import Key, Span
from backfill.runs.states import State
from backfill.sql.built import explain_built
from backfill.sql.plans import walk_in_order
from backfill.sql.transactions import transaction
from tests.support.defined import LIMITS, install, to_its_end
from tests.support.in_process import InProcessRun, in_process_run
from tests.support.partitioned_tables import DIVIDED, ROWS, Divided

INSERT_LATE = """
    INSERT INTO {table} (id, region, made, email)
    SELECT n, 'at', '2026-02-14 00:00+00', 'Late@Example.com' FROM generate_series(10001, 10003) AS n
"""
COUNT_RIGHT = "SELECT count(*) FROM {table} WHERE lower_email = lower(email)"
SWAP = """
    ALTER TABLE {table} DETACH PARTITION {schema}.m1;
    ALTER TABLE {table} DETACH PARTITION {schema}.m2;
    CREATE TABLE {schema}.old (LIKE {table});
    INSERT INTO {schema}.old
    SELECT n, 'at', timestamptz '2025-12-01 00:00+00' + n * interval '1 minute', 'Old@Example.com'
    FROM generate_series(1, 50) AS n;
    ALTER TABLE {table} ATTACH PARTITION {schema}.old FOR VALUES FROM (MINVALUE) TO ('2026-01-01 00:00+00');
"""
OLD = 50
JANUARY_AND_FEBRUARY = (59 * 24 * 60 - 1) // 50


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened


@pytest.fixture
async def divided(request: pytest.FixtureRequest, sql: asyncpg.Connection) -> Divided:
    found = DIVIDED[request.param]
    await sql.execute(f'CREATE SCHEMA "Sales"; {found.create()}')
    return found


def lowering(kind: Divided, kept_by: str = "trigger") -> type[Columns]:
    table = kind.table
    return type(
        "Lowered",
        (Columns,),
        {
            "__doc__": "Lowers.",
            "table": table,
            "sets": {table.columns.lower_email: func.lower(table.columns.email)},
            "kept_by": kept_by,
        },
    )


def relations(step: dict[str, Any]) -> Iterator[str]:
    """Partitions that a plan reads, with the alias that it gives them."""
    if "Relation Name" in step and step["Node Type"] != "ModifyTable":
        yield step["Relation Name"]
    for below in step.get("Plans", ()):
        yield from relations(below)


async def inside(connection: AsyncConnection, walk: Walk, span: Span) -> tuple[Key, Key]:
    """What a batch has that is under way in this range."""
    (unit, *_) = await read_page(connection, walk, (span.start, span.end), true(), units=1)
    return unit.key, span.end


@pytest.mark.parametrize("divided", [name for name, one in DIVIDED.items() if one.prunes], indirect=True)
async def test_each_batch_of_a_walk_by_partition_reads_one_of_them(divided: Divided, engine: AsyncEngine) -> None:
    declared = lowering(divided).declaration()
    walk, breaches = declared.walk, [Breach(rule="differs", broken=declared.broken)]
    async with transaction(engine, LIMITS) as connection:
        await walk_in_order(connection)
        planned = await plan(connection, walk, 2)
        read: set[str] = set()
        for span in planned.spans:
            bounds = await inside(connection, walk, span)
            within = walk.between(*bounds)
            built = (
                page_statement(walk, within, true(), units=10),
                statements.stretch_end(walk, bounds, 10),
                statements.write(declared, within),
                statements.lock(walk, within),
                glance_statement(walk, bounds, breaches, units=10),
                rest_statement(walk, bounds, breaches, units=10),
                check_statement(walk, bounds, breaches, units=10),
            )
            touched = [frozenset(relations(await explain_built(connection, one))) for one in built]
            assert set(map(len, touched)) == {1}, touched
            assert len(set(touched)) == 1
            read |= touched[0]

    partitions = {line.split()[2].partition(".")[2] for line in divided.ddl.splitlines() if "PARTITION OF" in line}
    below = {line.split()[2].partition(".")[2] for line in divided.ddl.splitlines() if line.endswith("RANGE (made);")}
    assert read == partitions - below


@pytest.mark.parametrize("divided", DIVIDED, indirect=True)
async def test_a_divided_table_in_a_schema_of_its_own_is_written_verified_and_proved(
    divided: Divided, engine: AsyncEngine, sql: asyncpg.Connection, run: InProcessRun
) -> None:
    definition = lowering(divided)
    await install(engine, definition)
    backfill = definition.definition().bound(engine, LIMITS)

    schema, survey = await backfill.check_schema(), await backfill.survey()
    ended = await to_its_end(run, backfill)
    await sql.execute(divided.sql(INSERT_LATE))

    assert (ended.state, schema) == (State.SUCCEEDED, ())
    assert (survey.amount.rows, survey.tables[0].believed_rows, survey.amount.rows_left) == (ROWS, ROWS, ROWS)
    assert survey.tables[0].table_bytes > 100_000
    assert await sql.fetchval(divided.sql(COUNT_RIGHT)) == ROWS + 3
    coverage = (await Steering(store=run.store, doorbell=run.doorbell).report(run.run_id))["coverage"]
    assert (coverage["state"], coverage["totals"]["written"]) == ("proven", ROWS)


@pytest.mark.parametrize("divided", ["range"], indirect=True)
async def test_a_partition_that_comes_or_goes_during_a_run_is_walked_or_not_missed(
    divided: Divided, engine: AsyncEngine, sql: asyncpg.Connection, run: InProcessRun
) -> None:
    definition = lowering(divided, kept_by="frozen")
    backfill = definition.definition().bound(engine, LIMITS)
    swapped = False

    class Swapping:
        """The same; after its first stretch one partition is attached behind the cursor, and another one detached."""

        def __getattr__(self, name: str) -> Any:
            return getattr(backfill, name)

        async def settle_stretch(self, after: Key | None, end: Key, *, units: int) -> Any:
            nonlocal swapped
            settled = await backfill.settle_stretch(after, end, units=units)  # type: ignore[attr-defined]
            if not swapped:
                swapped = True
                await sql.execute(divided.sql(SWAP))
            return settled

    ended = await to_its_end(run, Swapping())

    left = ROWS - JANUARY_AND_FEBRUARY + OLD - await sql.fetchval(divided.sql(COUNT_RIGHT))
    assert (ended.state, left) == (State.SUCCEEDED, 0)
    assert await sql.fetchval("SELECT count(*) FROM \"Sales\".old WHERE lower_email = 'old@example.com'") == OLD


@pytest.mark.parametrize(
    ("ddl", "said"),
    [
        ("CREATE VIEW things AS SELECT 1 AS id, '' AS name", "public.things is a view"),
        ("CREATE MATERIALIZED VIEW things AS SELECT 1 AS id, '' AS name", "public.things is a materialized view"),
        (
            "CREATE TABLE things (id integer PRIMARY KEY, name text); CREATE TABLE more () INHERITS (things)",
            "public.things is the parent of more by inheritance",
        ),
        (
            """CREATE FOREIGN DATA WRAPPER none; CREATE SERVER there FOREIGN DATA WRAPPER none;
            CREATE FOREIGN TABLE things (id integer, name text) SERVER there""",
            "public.things is a foreign table",
        ),
    ],
)
async def test_what_is_no_table_of_its_own_rows_is_refused_by_what_it_is(
    ddl: str, said: str, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    table = Table("things", MetaData(), Column("id", Integer, primary_key=True), Column("name", Text))
    body = {"__doc__": "Names.", "table": table, "sets": {table.columns.name: "x"}, "kept_by": "frozen"}
    named: type[Columns] = type("Named", (Columns,), body)
    await sql.execute(ddl)

    (finding,) = await named.definition().bound(engine, LIMITS).check_schema()

    assert (finding.rule, finding.examples, finding.hides_data) == ("columns", (said,), True)
    assert "a definition for each table" in finding.remedy


async def test_a_walk_that_every_batch_of_looks_into_all_partitions_is_told_with_what_to_do(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    await sql.execute(
        "CREATE TABLE things (id integer, day date, name text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);"
        "CREATE TABLE things_1 PARTITION OF things FOR VALUES FROM (MINVALUE) TO (MAXVALUE)"
    )
    columns = (Column("id", Integer, primary_key=True), Column("day", Text, primary_key=True), Column("name", Text))
    table = Table("things", MetaData(), *columns)
    body = {"__doc__": "Names.", "table": table, "sets": {table.columns.name: "x"}, "kept_by": "frozen"}

    named: type[Columns] = type("Named", (Columns,), body)
    (finding,) = await named.definition().bound(engine, LIMITS).check_schema()

    assert (finding.is_error, finding.examples) == (False, ("public.things is divided by day, but walked by id, day",))
    assert "order_by begins with day" in finding.remedy
