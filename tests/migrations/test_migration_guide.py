"""The migration guide and the preview: their tables are PostgreSQL's answers, their commands work as they stand."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from backfill.embedded.wheels import find_wheels
from backfill.runs.errors import EmbeddedUnavailable, WrongState
from tests.conftest import Connect, Spawn
from tests.migrations.support import HEAD, OLD_REVISION, alembic
from tests.support.commands import REPOSITORY
from tests.support.databases import drop_databases
from tests.support.documents import Page
from tests.support.old_rows import old_rows
from tests.support.reader import Reader
from tests.support.waiting import wait_until
from worker.generations.needs import NEEDS

GUIDE_FILE = REPOSITORY / "docs" / f"MIGRATION_{HEAD}_README.md"
GUIDE = GUIDE_FILE.read_text(encoding="utf-8")
PREVIEW = REPOSITORY / "docs" / "migration_preview.sql"

# PostgreSQL's locks on tables, the weakest first.
LOCKS = (
    "ACCESS SHARE",
    "ROW SHARE",
    "ROW EXCLUSIVE",
    "SHARE UPDATE EXCLUSIVE",
    "SHARE",
    "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
)
READING = LOCKS[0]
COLUMNS_IN_CATALOG = """
    SELECT c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod),
           CASE WHEN a.attnotnull THEN 'no' ELSE 'yes' END, coalesce(pg_get_expr(d.adbin, d.adrelid), '')
    FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.oid IN ('public.generations'::regclass, 'public.projects'::regclass)
      AND a.attnum > 0 AND NOT a.attisdropped
"""
LOCKS_HELD = """
    SELECT c.relname, l.mode FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
    WHERE l.pid = $1 AND l.granted AND c.relname IN ('generations', 'projects')
"""
STEP = re.compile(
    r"^BEGIN;\n(?P<transaction>.*?)^COMMIT;"
    r"|^(?P<index>CREATE INDEX CONCURRENTLY [^;]*);"
    r"|^(?P<function>CREATE OR REPLACE FUNCTION .*?\$function\$;)",
    re.MULTILINE | re.DOTALL,
)


def rows_of(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without the marks of code."""
    section = GUIDE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_the_preview_is_what_alembic_would_run_now() -> None:
    rendered = alembic("upgrade", f"{OLD_REVISION}:head", "--sql", BACKFILL_LOG_LEVEL="WARNING")
    comment, _, script = PREVIEW.read_text(encoding="utf-8").partition("\n\n")

    assert comment.startswith("-- ")
    assert script == rendered.stdout, "run: make preview-sql"


async def test_the_guides_columns_are_those_of_the_migration(
    database_e011: str, database: str, connect: Connect
) -> None:
    before = {tuple(row) for row in await (await connect(database_e011)).fetch(COLUMNS_IN_CATALOG)}
    after = {tuple(row) for row in await (await connect(database)).fetch(COLUMNS_IN_CATALOG)}

    assert {tuple(row[:4]) for row in rows_of("Columns")} == after - before


def test_the_guide_names_what_the_backfill_relies_on() -> None:
    named = {row[0] for row in rows_of("Constraints, indexes and triggers")}

    constraints = {need.name for need in NEEDS.keys} | {need.name for need in NEEDS.indexes}
    assert named == constraints | {need.name for need in NEEDS.triggers}
    assert {name for name, *_ in rows_of("Columns")} <= {f"{need.table}.{need.name}" for need in NEEDS.columns}


async def test_the_guides_locks_are_those_that_the_steps_take(database_e011: str, connect: Connect) -> None:
    session, observer, writer = [await connect(database_e011) for _ in range(3)]

    taken = [locks async for locks in locks_of_steps(session, observer, writer) if locks]

    assert [row[1] for row in rows_of("Locks")] == taken


async def locks_of_steps(session: Any, observer: Any, writer: Any) -> AsyncIterator[str]:
    """The preview, step by step; of each step the strongest lock on either table, none for one that only reads."""
    pid = await session.fetchval("SELECT pg_backend_pid()")
    for step in STEP.finditer(PREVIEW.read_text(encoding="utf-8")):
        if step["index"] is not None:
            yield await locks_of_index_build(step["index"], pid, session, observer, writer)
        elif step["function"] is not None:
            await session.execute(step["function"])
        else:
            async with session.transaction():
                await session.execute(f"SELECT; {step['transaction']}")  # one of them is a comment alone
                held = strongest(await session.fetch(LOCKS_HELD, pid))
            yield held


async def locks_of_index_build(statement: str, pid: int, session: Any, observer: Any, writer: Any) -> str:
    """It cannot be in a transaction, so it is looked at while it waits for a writer."""
    table = "generations" if "public.generations" in statement else "projects"
    async with writer.transaction():
        await writer.execute(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE")
        build = asyncio.create_task(session.execute(statement))
        waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND NOT granted)"
        await wait_until(lambda: observer.fetchval(waiting, pid))
        held = strongest(await observer.fetch(LOCKS_HELD, pid))
    await build
    return held


def strongest(held: list[Any]) -> str:
    by_table: dict[str, str] = {}
    for table, mode in held:
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", mode.removesuffix("Lock")).upper()
        by_table[table] = max(by_table.get(table, READING), words, key=LOCKS.index)
    return ", ".join(f"{table} {words}" for table, words in sorted(by_table.items()) if words != READING)


@pytest.fixture
def programs_of_postgres() -> Iterator[Path]:
    try:
        yield find_wheels().postgres("pg_dump").parent
    except EmbeddedUnavailable:
        pytest.skip("the guide calls pg_dump of the server's version, and the wheel with it is not installed")


async def test_the_guide_can_be_followed_from_the_backup_to_the_restore(
    programs_of_postgres: Path,
    database_e011: str,
    environment_e011: dict[str, str],
    tmp_path: Path,
    spawn_program: Spawn,
) -> None:
    names = {name: f"test_guide_{secrets.token_hex(6)}" for name in ("REHEARSAL", "RESTORED")}
    path = f"{programs_of_postgres}{os.pathsep}{environment_e011['PATH']}"
    env = environment_e011 | names | {"PATH": path, "BACKUP": str(tmp_path / "before.dump")}
    async with old_rows(database_e011) as rows:
        await rows.add_project("p")
        await rows.add_many("p", 3)

    no_run_is_active_by_then = {"backfill cancel": (WrongState.exit_code,)}
    reader = Reader(env, spawn_program, exit_codes=no_run_is_active_by_then)
    try:
        await reader.follow(Page(GUIDE_FILE))
        restored = alembic("current", url=f"{database_e011.rpartition('/')[0]}/{names['RESTORED']}")
    finally:
        await drop_databases(database_e011, *names.values())

    assert OLD_REVISION in restored.stdout
