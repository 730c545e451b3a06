"""The rows of a shop, an application that writes them and knows of no backfill, and what is wrong, found by hand."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

ORDERS = 300
WRITERS = 4


async def fill(sql: asyncpg.Connection) -> None:
    """Customers and orders without what is to be filled in."""
    await sql.execute(
        "INSERT INTO customers (email) SELECT ' Ann' || n || '@X.org' FROM generate_series(1, 500) AS n;"
        "INSERT INTO orders (shop, number) SELECT 's' || n % 7, n FROM generate_series(1, 300) AS n;"
        "INSERT INTO items (shop, number, pieces, price)"
        " SELECT shop, number, p, 1.25 FROM orders, generate_series(1, number % 4) AS p"
    )


async def wrong_orders(sql: asyncpg.Connection) -> list[tuple[str, int]]:
    """By hand, from all rows."""
    sums: dict[tuple[str, int], object] = {}
    for item in await sql.fetch("SELECT shop, number, pieces, price FROM items"):
        key = (item["shop"], item["number"])
        sums[key] = sums.get(key, 0) + item["pieces"] * item["price"]
    rows = await sql.fetch("SELECT shop, number, total FROM orders")
    return [(row["shop"], row["number"]) for row in rows if row["total"] != sums.get((row["shop"], row["number"]), 0)]


async def wrong_customers(sql: asyncpg.Connection) -> list[int]:
    rows = await sql.fetch("SELECT id, email, email_normalized FROM customers")
    return [row["id"] for row in rows if row["email_normalized"] != row["email"].strip(" ").lower()]


async def customers(sql: asyncpg.Connection, dice: random.Random) -> None:
    """One write of an application that knows nothing of the column."""
    number = dice.randrange(10**6)
    match dice.randrange(4):
        case 0:
            await sql.execute("INSERT INTO customers (email) VALUES ($1)", f" New{number}@X.org ")
        case 1:
            await sql.execute("DELETE FROM customers WHERE id = $1", dice.randrange(1, 500))
        case _:
            email = f"Changed{number}@X.org"
            await sql.execute("UPDATE customers SET email = $2 WHERE id = $1", dice.randrange(1, 500), email)


async def orders(sql: asyncpg.Connection, dice: random.Random) -> None:
    """One write of an application that knows nothing of totals: items come, go, change, and move to another order."""
    number, other = dice.randrange(1, ORDERS), dice.randrange(1, ORDERS)
    here, there = (f"s{number % 7}", number), (f"s{other % 7}", other)
    new = "INSERT INTO items (shop, number, pieces, price) VALUES ($1, $2, $3, 2.5)"
    match dice.randrange(6):
        case 0:
            await sql.execute(new, *here, dice.randrange(1, 9))
        case 1:
            await sql.executemany(new, [(*here, 1), (*there, 2)])
        case 2:
            await sql.execute("UPDATE items SET shop = $3, number = $4 WHERE shop = $1 AND number = $2", *here, *there)
        case 3:
            await sql.execute("UPDATE items SET pieces = pieces + 1 WHERE number = ANY ($1::int[])", [number, other])
        case 4:
            await sql.execute("DELETE FROM items WHERE shop = $1 AND number = $2", *here)
        case _:
            async with sql.transaction():
                await sql.execute(new, *here, 3)
                await sql.execute(new, *here, 4)


@asynccontextmanager
async def live(
    url: str, write: Callable[[asyncpg.Connection, random.Random], Awaitable[None]]
) -> AsyncIterator[list[int]]:
    """Several sessions that write for as long as the block; how much each has written. None of them may fail."""
    written, end = [0] * WRITERS, asyncio.Event()

    async def session(number: int) -> None:
        dice = random.Random(number)
        connection = await asyncpg.connect(url)
        try:
            while not end.is_set():
                await write(connection, dice)
                written[number] += 1
        finally:
            await connection.close()

    async with asyncio.TaskGroup() as group:
        for number in range(WRITERS):
            group.create_task(session(number))
        yield written
        end.set()
