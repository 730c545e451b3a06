"""The example application, beside the tests: its folder, its rows, and what is right for them by hand."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg

from tests.support.commands import REPOSITORY, Spawned, environment_for, spawn

HOME = REPOSITORY / "examples" / "shop"
BEFORE = "2b90f3a6c815"
QUIET = "quiet"  # a branch that the traffic keeps away from
_BIN = Path(sys.executable).parent
_PACKAGE = "shop"


@contextmanager
def shop_on_the_path(folder: Path = HOME) -> Iterator[None]:
    """Its package can be imported; afterwards as if it had never been."""
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [one for one in sys.modules if one.partition(".")[0] == _PACKAGE]:
            del sys.modules[name]


class Shop:
    """Its commands on one database, as they are typed in its folder."""

    def __init__(self, database_url: str, redis_url: str, logs: Path, home: Path = HOME) -> None:
        self.home = home
        self.environment = environment_for(
            database_url=database_url, redis_url=redis_url, BACKFILL_REDIS_PREFIX=logs.name, PYTHONPATH=str(REPOSITORY)
        )
        self._logs = logs
        self._spawned: list[Spawned] = []

    def spawn(self, *words: str) -> Spawned:
        """Ended with the test."""
        log = self._logs / f"{len(self._spawned)}-{Path(words[0]).name}.log"
        self._spawned.append(spawn(_program(*words), self.environment, log, cwd=self.home))
        return self._spawned[-1]

    def run(self, *words: str, timeout: float = 120.0, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            _program(*words),
            env={**self.environment, **more},
            cwd=self.home,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, *words: str) -> str:
        """What it printed, after asserting that it was successful."""
        ended = self.run(*words)
        assert ended.returncode == 0, f"{words}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def end(self) -> None:
        for one in reversed(self._spawned):
            one.end()


def _program(name: str, *words: str) -> list[str]:
    return [sys.executable if name == "python" else str(_BIN / name), *words]


async def add_rows(sql: asyncpg.Connection, *, customers: int, orders: int, documents: int) -> None:
    """Of the time before the migrations."""
    await sql.execute(
        "INSERT INTO customers (email) SELECT format(' C.%s@X.org', n) FROM generate_series(1, $1) n", customers
    )
    await sql.execute(
        "INSERT INTO orders (branch, number) SELECT b, n FROM unnest($1::text[]) AS b, generate_series(1, $2) AS n",
        ["north", "south", QUIET],
        orders // 3,
    )
    await sql.execute(
        "INSERT INTO items (branch, number, pieces, price)"
        " SELECT branch, number, 1 + p % 4, 0.25 * number FROM orders, generate_series(1, number % 8) AS p ORDER BY p"
    )
    await sql.execute(
        "INSERT INTO documents (body) SELECT format('Text %s', n) FROM generate_series(1, $1) AS n", documents
    )


async def wrong_rows(sql: asyncpg.Connection) -> Mapping[str, list[Any]]:
    """By backfill; worked out here row by row, from nothing that a definition says."""
    items: dict[tuple[str, int], list[asyncpg.Record]] = defaultdict(list)
    for item in await sql.fetch("SELECT id, branch, number, pieces, price, line FROM items ORDER BY id"):
        items[item["branch"], item["number"]].append(item)
    customers = await sql.fetch("SELECT id, email, email_normalized FROM customers")
    orders = await sql.fetch("SELECT branch, number, total FROM orders")
    documents = await sql.fetch("SELECT id, body, sha256 FROM documents")
    return {
        "email-normalized": [
            row["id"] for row in customers if row["email_normalized"] != row["email"].strip(" ").lower()
        ],
        "order-totals": [
            key
            for key, total in (((row["branch"], row["number"]), row["total"]) for row in orders)
            if total != sum((one["pieces"] * one["price"] for one in items[key]), Decimal(0))
        ],
        "document-hashes": [
            row["id"] for row in documents if row["sha256"] != hashlib.sha256(row["body"].encode()).hexdigest()
        ],
        "line-numbers": [key for key, rows in items.items() if not _numbered(key[0], [one["line"] for one in rows])],
    }


def _numbered(branch: str, lines: list[int | None]) -> bool:
    """Each once; where nobody wrote meanwhile, in the order in which the items came."""
    if branch == QUIET:
        return lines == list(range(1, len(lines) + 1))
    numbers = [line for line in lines if line is not None]
    return len(numbers) == len(lines) == len(set(numbers)) and min(numbers, default=1) >= 1
