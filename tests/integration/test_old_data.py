from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from backfill.runs.errors import SchemaNotReady, UsageError, WrongState
from backfill.sql.database import open_engine
from backfill.urls import ServerUrls
from tests.support.databases import new_database
from worker.demo.old_data import OldDataShape, create_old_data

SHAPE = OldDataShape(projects=600, generations=8_000)
TABLES = ("users", "organizations", "organization_members", "projects", "generations", "artifacts")


async def fill(url: str, shape: OldDataShape) -> None:
    engine = open_engine(url, application_name="test")
    try:
        await create_old_data(engine, shape)
    finally:
        await engine.dispose()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def count_rows(url: str) -> dict[str, int]:
    async with connected(url) as connection:
        return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES}  # noqa: S608


async def fingerprint(url: str) -> list[str]:
    """Of the contents of all tables, in their physical order."""
    async with connected(url) as connection:
        return [
            await connection.fetchval(f"SELECT md5(string_agg(t::text, '|' ORDER BY t.ctid)) FROM {table} AS t")  # noqa: S608
            for table in TABLES
        ]


@pytest.fixture(scope="module")
async def old_data(servers: ServerUrls, template_e011: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database with data of SHAPE, for tests that only read it."""
    async with new_database(servers.database_url, template=template_e011) as url:
        await fill(url, SHAPE)
        async with connected(url) as connection:
            yield connection


@pytest.mark.parametrize(
    "shape",
    [
        OldDataShape(projects=0, generations=0),
        OldDataShape(projects=1, generations=0),
        OldDataShape(projects=1, generations=10),
        OldDataShape(projects=2, generations=10, empty_share=0.99),
        OldDataShape(projects=40, generations=3),
        OldDataShape(projects=7, generations=1_000, giant_share=0),
        OldDataShape(projects=7, generations=1_000, giant_share=1),
        OldDataShape(projects=300, generations=1_000, empty_share=0.9, seed=2**31 - 1),
    ],
    ids=repr,
)
async def test_there_are_exactly_as_many_rows_as_wanted(database_e011: str, shape: OldDataShape) -> None:
    await fill(database_e011, shape)

    rows = await count_rows(database_e011)
    assert (rows["projects"], rows["generations"]) == (shape.projects, shape.generations)


async def test_most_projects_are_small_and_one_is_a_giant(old_data: asyncpg.Connection) -> None:
    sizes = [
        row["size"]
        for row in await old_data.fetch(
            "SELECT count(g.id) AS size FROM projects AS p LEFT JOIN generations AS g ON g.project_id = p.id "
            "GROUP BY p.id"
        )
    ]

    assert sum(sizes) == SHAPE.generations
    assert max(sizes) == SHAPE.generations * SHAPE.giant_share
    assert sizes.count(0) == SHAPE.projects * SHAPE.empty_share
    assert sum(1 <= size <= 5 for size in sizes) > SHAPE.projects / 2
    assert 3 < sum(size >= 100 for size in sizes) < SHAPE.projects / 20


async def test_the_giant_has_all_generations_if_it_should(database_e011: str) -> None:
    await fill(database_e011, OldDataShape(projects=5, generations=500, giant_share=1))

    async with connected(database_e011) as connection:
        assert await connection.fetchval("SELECT count(DISTINCT project_id) FROM generations") == 1


async def test_created_at_is_distinct_within_a_project(old_data: asyncpg.Connection) -> None:
    distinct = await old_data.fetchval("SELECT count(DISTINCT (project_id, created_at)) FROM generations")

    assert distinct == SHAPE.generations


async def test_with_ties_many_moments_are_shared(database_e011: str) -> None:
    await fill(database_e011, replace(SHAPE, projects=2_000, ties=True))

    async with connected(database_e011) as connection:
        distinct = await connection.fetchval("SELECT count(DISTINCT (project_id, created_at)) FROM generations")
        days = await connection.fetchval("SELECT count(DISTINCT created_at) FROM projects")
    assert SHAPE.generations / 5 < distinct < SHAPE.generations * 0.9
    assert days < 1_000


@pytest.mark.parametrize("table", ["projects", "generations"])
async def test_rows_lie_on_disk_in_the_order_of_their_creation(old_data: asyncpg.Connection, table: str) -> None:
    # Not exactly: as in a live table, a small row may fit into a page that was left for full.
    correlation = await old_data.fetchval(
        "SELECT correlation FROM pg_stats WHERE tablename = $1 AND attname = 'created_at'", table
    )

    assert correlation > 0.99


async def test_generations_come_after_their_project_mostly_soon_and_some_much_later(
    old_data: asyncpg.Connection,
) -> None:
    ages = [
        row["age"]
        for row in await old_data.fetch(
            "SELECT g.created_at - p.created_at AS age FROM generations AS g JOIN projects AS p ON p.id = g.project_id"
        )
    ]

    assert min(ages) > timedelta(0)
    assert sum(age < timedelta(days=3) for age in ages) > len(ages) / 2
    assert sum(age > timedelta(days=30) for age in ages) > len(ages) / 20


async def test_the_data_lies_within_its_span(old_data: asyncpg.Connection) -> None:
    first: datetime = await old_data.fetchval("SELECT min(created_at) FROM projects")
    last: datetime = await old_data.fetchval("SELECT max(created_at) FROM generations")

    assert SHAPE.newest - SHAPE.span <= first < SHAPE.newest - SHAPE.span * 0.9
    assert SHAPE.newest - SHAPE.span * 0.1 < last <= SHAPE.newest + timedelta(seconds=1)


async def test_statuses_are_mixed_as_in_life(old_data: asyncpg.Connection) -> None:
    rows = await old_data.fetch("SELECT status, count(*) AS count FROM generations GROUP BY status")

    share = {row["status"]: row["count"] / SHAPE.generations for row in rows}
    assert share["completed"] == pytest.approx(0.8, abs=0.03)
    assert share["failed"] == pytest.approx(0.12, abs=0.03)
    assert share["processing"] == pytest.approx(0.04, abs=0.02)
    assert share["pending"] == pytest.approx(0.04, abs=0.02)


async def test_some_projects_have_nothing_completed(old_data: asyncpg.Connection) -> None:
    unfinished = await old_data.fetch(
        "SELECT project_id FROM generations GROUP BY project_id HAVING bool_and(status <> 'completed')"
    )

    assert len(unfinished) > SHAPE.projects / 200


async def test_iterations_follow_an_earlier_generation_of_their_project(old_data: asyncpg.Connection) -> None:
    wrong = await old_data.fetchval(
        "SELECT count(*) FROM generations AS g JOIN generations AS parent ON parent.id = g.parent_generation_id "
        "WHERE parent.project_id <> g.project_id OR parent.created_at >= g.created_at"
    )
    iterations = await old_data.fetchval("SELECT count(*) FROM generations WHERE is_iteration")

    assert wrong == 0
    assert iterations > SHAPE.generations / 10
    assert iterations == await old_data.fetchval("SELECT count(parent_generation_id) FROM generations")


async def test_documents_have_real_sizes(old_data: asyncpg.Connection) -> None:
    sizes: Any = await old_data.fetchrow(
        "SELECT min(length(prompt)) AS shortest, max(length(prompt)) AS longest, "
        "avg(length(output_files::text)) AS output, avg(pg_column_size(output_files)) AS stored, "
        "bool_and((output_files IS NOT NULL) = (status = 'completed')) AS only_completed FROM generations"
    )

    assert 200 <= sizes["shortest"] < 300
    assert 700 < sizes["longest"] <= 900
    assert 3_000 < sizes["output"] < 10_000
    assert sizes["stored"] < sizes["output"] / 3
    assert sizes["only_completed"]


async def test_a_tenth_of_the_generations_left_artifacts(old_data: asyncpg.Connection) -> None:
    artifacts = await old_data.fetchval("SELECT count(DISTINCT generation_id) FROM artifacts")

    assert artifacts == pytest.approx(SHAPE.generations / 10, rel=0.2)


async def test_users_know_how_many_generations_they_have(old_data: asyncpg.Connection) -> None:
    wrong = await old_data.fetchval(
        "SELECT count(*) FROM users AS u WHERE u.total_generations <> "
        "(SELECT count(*) FROM generations AS g WHERE g.user_id = u.id)"
    )

    assert wrong == 0


async def test_projects_belong_to_users_and_some_to_organizations_with_members(old_data: asyncpg.Connection) -> None:
    assert await old_data.fetchval("SELECT count(DISTINCT user_id) FROM projects") > 30
    assert 0 < await old_data.fetchval("SELECT count(organization_id) FROM projects") < SHAPE.projects / 2
    assert await old_data.fetchval("SELECT count(*) FROM organization_members") > 0


async def test_nothing_is_left_but_the_rows(old_data: asyncpg.Connection) -> None:
    functions = await old_data.fetchval(
        "SELECT count(*) FROM pg_proc AS f JOIN pg_namespace AS n ON n.oid = f.pronamespace "
        "WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')"
    )
    never_analyzed = await old_data.fetchval(
        "SELECT count(*) FROM pg_class WHERE relname = ANY($1) AND reltuples < 0", list(TABLES)
    )

    assert functions == 0
    assert never_analyzed == 0


async def test_a_seed_always_gives_the_same_rows(servers: ServerUrls, template_e011: str) -> None:
    shape = OldDataShape(projects=200, generations=1_000)
    prints = []
    for seed in (1, 1, 2):
        async with new_database(servers.database_url, template=template_e011) as url:
            await fill(url, replace(shape, seed=seed))
            prints.append(await fingerprint(url))

    assert prints[0] == prints[1]
    assert all(print_1 != print_2 for print_1, print_2 in zip(prints[0], prints[2], strict=True))


async def test_without_files_the_rows_are_the_same_but_for_these(servers: ServerUrls, template_e011: str) -> None:
    told = "SELECT count(output_files) > 0, md5(string_agg(g::text, '|' ORDER BY g.id)) FROM generations AS g"
    found = []
    for files in (True, False):
        async with new_database(servers.database_url, template=template_e011) as url, connected(url) as connection:
            await fill(url, OldDataShape(projects=200, generations=1_000, files=files))
            assert files == (await connection.fetchrow(told))[0]
            await connection.execute("UPDATE generations SET output_files = NULL")
            found.append(await connection.fetchrow(told))

    assert found[0] == found[1]


async def test_a_database_with_rows_is_left_alone(database_e011: str) -> None:
    await fill(database_e011, OldDataShape(projects=3, generations=5))

    with pytest.raises(WrongState, match="already"):
        await fill(database_e011, OldDataShape(projects=3, generations=5))

    assert (await count_rows(database_e011))["generations"] == 5


async def test_a_migrated_database_is_refused(database: str) -> None:
    with pytest.raises(WrongState, match="migrated already"):
        await fill(database, SHAPE)


async def test_a_database_without_tables_is_refused(servers: ServerUrls) -> None:
    async with new_database(servers.database_url) as url:
        with pytest.raises(SchemaNotReady, match="alembic upgrade e011ab9dd223"):
            await fill(url, SHAPE)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"projects": -1}, "projects must be"),
        ({"generations": -1}, "generations must be"),
        ({"generations": 10**9}, "generations must be"),
        ({"projects": 0}, "at least one project"),
        ({"giant_share": 1.1}, "giant_share"),
        ({"giant_share": float("nan")}, "giant_share"),
        ({"empty_share": 1.0}, "empty_share"),
        ({"seed": -1}, "seed"),
        ({"newest": datetime(2025, 1, 1)}, "time zone"),  # noqa: DTZ001
        ({"span": timedelta(hours=1)}, "span"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        OldDataShape(**wrong)


def test_all_mistakes_of_a_shape_are_named_at_once() -> None:
    with pytest.raises(UsageError, match=r"projects must be.*seed must be"):
        OldDataShape(projects=-1, seed=-1)
