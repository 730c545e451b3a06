"""The walk over a table sees every row once, whatever its key is made of, and along an index."""

from __future__ import annotations

from collections import deque

import asyncpg
import pytest
from sqlalchemy import Column, Float, Integer, MetaData, Table, Text, false, true
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.definitions.mistakes import AuthorsMistake
from backfill.definitions.walk import (
    Breach,
    Walk,
    check_rest,
    check_rows,
    count_left,
    last_key,
    places_of,
    plan,
    read_page,
    read_units,
)
from backfill.definitions.walk.checking import TOLD_ROWS
from backfill.definitions.walk.pages import page_statement
from backfill.engine.protocols import CheckedPage
from backfill.runs.ranges import Span, Unit
from backfill.sql.built import explain_built
from backfill.sql.transactions import transaction
from tests.support.defined import LIMITS, create
from tests.support.keyed_tables import KINDS, ROWS, Keyed


def walk_over(kind: Keyed) -> Walk:
    order = [kind.table.columns[name] for name in kind.order_by]
    return Walk.over(kind.table, order_by=order, where="Test")


async def units_of(connection: AsyncConnection, walk: Walk, span: Span) -> list[Unit]:
    found: list[Unit] = []
    after = span.start
    todo = walk.table.columns.done.is_(None)
    while page := await read_page(connection, walk, (after, span.end), todo, units=37):
        found += page
        after = page[-1].key
    return found


@pytest.mark.parametrize("name", KINDS)
async def test_every_row_is_seen_once_whatever_its_key_is(
    name: str, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    kind = KINDS[name]
    await create(sql, kind)
    walk = walk_over(kind)

    async with transaction(engine, LIMITS) as connection:
        planned = await plan(connection, walk, 16)
        seen = [unit for span in planned.spans for unit in await units_of(connection, walk, span)]
        again = await read_units(connection, walk, [unit.id for unit in seen], true())
        last = await last_key(connection, walk)
        left = await count_left(connection, walk, true())
        places = await places_of(connection, walk, [unit.key for unit in reversed(seen)])

    assert places == list(reversed(range(ROWS)))
    assert len(seen) == len({unit.id for unit in seen}) == ROWS
    assert [unit.id for unit in again] == [unit.id for unit in seen]
    assert seen[-1].key == last == planned.spans[-1].end
    assert (planned.units_total, left.rows, left.left) == (ROWS, ROWS, ROWS)


@pytest.mark.parametrize("name", KINDS)
async def test_a_page_is_one_step_down_an_index(name: str, engine: AsyncEngine, sql: asyncpg.Connection) -> None:
    kind = KINDS[name]
    await create(sql, kind, rows=20_000)
    walk = walk_over(kind)

    async with transaction(engine, LIMITS) as connection:
        last = await last_key(connection, walk) or ()
        middle = (await read_page(connection, walk, (None, last), true(), units=100))[-1]
        bounds = walk.between(middle.key, last)
        by_key = await explain_built(connection, page_statement(walk, bounds, true(), units=10))
    async with transaction(engine, LIMITS) as connection:
        by_name = await explain_built(connection, page_statement(walk, walk.among([middle.id]), true(), units=None))

    assert "Sort" not in kinds_of_steps(by_key)
    assert all("Index Cond" in step for step in steps_on(by_key))
    assert all("Index Cond" in step for step in steps_on(by_name))


async def test_a_large_table_without_statistics_is_sampled_and_cut_into_even_ranges(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    table = Table("large", MetaData(), Column("id", Integer, primary_key=True), Column("done", Text))
    await sql.execute(
        "CREATE TABLE large (id integer PRIMARY KEY, done text) WITH (autovacuum_enabled = off);"
        "INSERT INTO large SELECT n, CASE WHEN n <= 150000 THEN 'x' END FROM generate_series(1, 600000) AS n"
    )
    walk = Walk.over(table, where="Test")

    async with transaction(engine, LIMITS) as connection:
        planned = await plan(connection, walk, 8)
        left = await count_left(connection, walk, table.columns.done.is_(None))

    ends = [int(span.end[0]) for span in planned.spans]
    sizes = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    assert planned.total_is_estimate
    assert abs(planned.units_total) > 200_000
    assert ends[-1] == 600_000
    assert all(30_000 < size < 130_000 for size in sizes[:8])
    assert abs(left.left / left.rows - 0.75) < 0.1


async def test_verification_counts_breaches_and_names_the_rows(engine: AsyncEngine, sql: asyncpg.Connection) -> None:
    kind = KINDS["three columns"]
    await create(sql, kind)
    walk = walk_over(kind)
    await sql.execute("UPDATE by_three SET done = 'x' WHERE tenant > 0")
    breaches = [
        Breach(rule="undone", broken=kind.table.columns.done.is_(None)),
        Breach(rule="odd", broken=kind.table.columns.part < 0, mendable=False),
    ]

    async with transaction(engine, LIMITS) as connection:
        first = await check_rows(connection, walk, (None, None), breaches, units=200)
        second = await check_rows(connection, walk, (first.last_key, None), breaches, units=200)

    undone = await sql.fetchval("SELECT count(*) FROM by_three WHERE done IS NULL")
    assert (first.units, second.units, second.last_key) == (200, ROWS - 200, None)
    assert [finding.rule for finding in first.findings] == ["undone"]
    assert first.findings[0].count == len(first.mendable) == undone
    assert first.findings[0].examples == first.mendable[:5]
    assert first.mendable[:2] == ('["0","c\\"0","0.00"]', '["0","c\\"0","22.50"]')


@pytest.mark.parametrize("name", KINDS)
async def test_verification_comes_to_every_row_once_whatever_its_key_is(
    name: str, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    kind = KINDS[name]
    await create(sql, kind)
    walk, nothing = walk_over(kind), [Breach(rule="never", broken=false())]

    async with transaction(engine, LIMITS) as connection:
        end = await last_key(connection, walk)
        pages = [await check_rows(connection, walk, (None, end), nothing, units=37)]
        while (after := pages[-1].last_key) is not None:
            pages.append(await check_rows(connection, walk, (after, end), nothing, units=37))

    assert sum(page.units for page in pages) == ROWS
    assert {page.units for page in pages[:-1]} == {37}


@pytest.mark.parametrize("name", KINDS)
async def test_the_rest_of_a_range_is_right_or_left_to_be_looked_at_in_order(
    name: str, engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    kind = KINDS[name]
    await create(sql, kind)
    walk = walk_over(kind)
    nothing, undone = [Breach(rule="never", broken=false())], [Breach(rule="undone", broken=true())]

    async with transaction(engine, LIMITS) as connection:
        end = await last_key(connection, walk)
        assert end is not None
        middle = (await read_page(connection, walk, (None, end), true(), units=100))[-1].key
        whole = await check_rest(connection, walk, (None, end), nothing, units=ROWS)
        rest = await check_rest(connection, walk, (middle, end), nothing, units=ROWS)
        too_many = await check_rest(connection, walk, (None, end), nothing, units=ROWS - 1)
        broken = await check_rest(connection, walk, (None, end), undone, units=ROWS)

    assert whole == CheckedPage(units=ROWS, last_key=None, findings=())
    assert rest == CheckedPage(units=ROWS - 100, last_key=None, findings=())
    assert (too_many, broken) == (None, None)


async def test_of_a_long_page_with_a_breach_a_part_is_told_at_a_time(
    engine: AsyncEngine, sql: asyncpg.Connection
) -> None:
    table = Table("long", MetaData(), Column("id", Integer, primary_key=True), Column("done", Text))
    rows = TOLD_ROWS + 10
    await sql.execute("CREATE TABLE long (id integer PRIMARY KEY, done text)")
    await sql.execute("INSERT INTO long SELECT number, 'x' FROM generate_series(1, $1::integer) AS number", rows)
    await sql.execute("UPDATE long SET done = NULL WHERE id IN (1, $1)", rows)
    walk, undone = Walk.over(table, where="Test"), [Breach(rule="undone", broken=table.columns.done.is_(None))]

    async with transaction(engine, LIMITS) as connection:
        first = await check_rows(connection, walk, (None, None), undone, units=rows)
        second = await check_rows(connection, walk, (first.last_key, None), undone, units=rows)

    assert (first.units, first.mendable, first.last_key) == (TOLD_ROWS, ("1",), (str(TOLD_ROWS),))
    assert (second.units, second.mendable, second.last_key) == (10, (str(rows),), None)


def test_a_table_without_a_primary_key_is_refused_with_a_sentence() -> None:
    table = Table("bare", MetaData(), Column("id", Integer))

    with pytest.raises(AuthorsMistake, match=r"Normal\.table: bare has no primary key"):
        Walk.over(table, where="Normal")


def test_an_order_that_has_gaps_is_refused_with_a_sentence() -> None:
    table = Table("t", MetaData(), Column("id", Float, primary_key=True), Column("made", Integer))

    with pytest.raises(AuthorsMistake, match=r"Normal\.order_by: made may be NULL"):
        Walk.over(table, order_by=[table.columns.made], where="Normal")
    with pytest.raises(AuthorsMistake, match=r"id is FLOAT"):
        Walk.over(table, where="Normal")


def steps_on(plan: dict[str, object]) -> list[dict[str, object]]:
    return [step for step in _steps(plan) if "Relation Name" in step]


def kinds_of_steps(plan: dict[str, object]) -> set[object]:
    return {step["Node Type"] for step in _steps(plan)}


def _steps(plan: dict[str, object]) -> list[dict[str, object]]:
    found, waiting = [], deque([plan])
    while waiting:
        step = waiting.popleft()
        found.append(step)
        waiting.extend(step.get("Plans", ()))  # type: ignore[arg-type]
    return found
