"""`backfill new` in the example application: what it writes is run, and nothing of an author's is written over."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from backfill.urls import ServerUrls
from tests.support.runs import until_ready
from tests.support.shop import HOME, Shop

CUSTOMERS = ("--table", "shop.models:Customer")
NEW = (
    ("phone-digits", *CUSTOMERS, "--column", "phone_digits", "--reads", "email"),
    ("body-length", "--table", "shop.models:Document", "--column", "length", "--kind", "calls", "--reads", "body"),
    (
        "item-ranks",
        "--table",
        "shop.models:Order",
        "--rows",
        "shop.models:Item",
        "--column",
        "rank",
        "--kind",
        "groups",
    ),
)
ADDED = {
    "class Customer(Base):": "    phone_digits: Mapped[str | None] = mapped_column(Text)\n",
    "class Document(Base):": "    length: Mapped[str | None] = mapped_column(Text)\n",
    "class Item(Base):": "    rank: Mapped[int | None] = mapped_column(Integer)\n",
}


@pytest.fixture
def copy(database: str, redis_url: str, tmp_path: Path) -> Iterator[Shop]:
    """Of the example, with new columns in its models."""
    home = tmp_path / "home"
    shutil.copytree(HOME, home, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    models = home / "shop" / "models.py"
    source = models.read_text(encoding="utf-8")
    for first, line in ADDED.items():
        at = (
            source.index("\n\n\n", source.index(first))
            if "\n\n\n" in source[source.index(first) :]
            else len(source) - 1
        )
        source = f"{source[:at]}\n{line.rstrip()}{source[at:]}"
    models.write_text(source, encoding="utf-8")
    (tmp_path / "logs").mkdir()
    opened = Shop(database, redis_url, tmp_path / "logs", home=home)
    yield opened
    opened.end()


async def test_what_it_writes_migrates_passes_its_own_tests_and_comes_to_its_end(
    copy: Shop, sql: asyncpg.Connection, servers: ServerUrls
) -> None:
    definitions = copy.home / "shop" / "backfills" / "__init__.py"
    for words in NEW:
        said = json.loads(copy.done("backfill", "new", *words, "--json"))
        (line,) = [step for step in said["next"] if step.startswith("in shop.backfills: ")]
        with definitions.open("a", encoding="utf-8") as file:
            file.write(line.removeprefix("in shop.backfills: ") + "\n")
        assert [path for path in said["written"] if not (copy.home / path).is_file()] == []

    copy.done("alembic", "upgrade", "head")
    tests = await asyncio.to_thread(
        copy.run,
        *("python", "-m", "pytest", "-q"),
        TEST_DATABASE_URL=servers.database_url,
        TEST_REDIS_URL=servers.redis_url,
    )
    assert tests.returncode == 0, tests.stdout
    assert "4 passed" in tests.stdout, "with the one that the example has already"
    await sql.execute("ALTER TABLE customers DISABLE TRIGGER USER")
    await sql.execute("INSERT INTO customers (email) VALUES ('A@X.org')")
    await sql.execute("ALTER TABLE customers ENABLE TRIGGER USER")
    await until_ready(copy.spawn("arq", "backfill.worker.WorkerSettings"))
    await asyncio.to_thread(copy.done, "backfill", "enqueue", "phone-digits", "--watch")

    assert await sql.fetchval("SELECT phone_digits FROM customers") == "A@X.org"


MISTAKES = {
    "email_normalized.py already": ("email-normalized", *CUSTOMERS, "--column", "phone_digits"),
    "Customer has no column shoe_size": ("a-new-one", *CUSTOMERS, "--column", "shoe_size"),
    "is no name for a new backfill": ("A new one", *CUSTOMERS, "--column", "phone_digits"),
    "There is no file no.ini": ("a-new-one", *CUSTOMERS, "--column", "phone_digits", "--alembic", "no.ini"),
    "nowhere is no package": ("a-new-one", *CUSTOMERS, "--column", "phone_digits", "--package", "nowhere"),
}


def test_a_mistake_is_told_in_a_sentence_and_nothing_is_written(copy: Shop) -> None:
    test = copy.home / "tests" / "test_email_normalized.py"
    before = sorted(copy.home.rglob("*.py")), test.read_bytes()

    with ThreadPoolExecutor(2) as threads:
        refused = list(threads.map(lambda words: copy.run("backfill", "new", *words), MISTAKES.values()))

    assert [(one.returncode, one.stdout) for one in refused] == [(2, "")] * len(MISTAKES)
    assert [said for said, one in zip(MISTAKES, refused, strict=True) if said not in one.stderr] == []
    assert all(one.stderr.startswith("error: ") for one in refused)
    assert (sorted(copy.home.rglob("*.py")), test.read_bytes()) == before
