"""Tests as an author might have them, all of which fail: test_testing_plugin.py runs them, and reads what they say."""

from __future__ import annotations

import random
from typing import Any

import pytest
from shop.backfills.email_normalized import EmailNormalized
from shop.models import Document
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.definitions.calls import calls
from backfill.testing import Runner

pytest_plugins = ["backfill.testing"]


@calls(table=Document, reads=[Document.body], todo=Document.sha256.is_(None))
def refuses(row: Any) -> dict[str, str]:
    """Refuses one document."""
    if row.body == "7":
        raise LookupError("secret")
    return {"sha256": row.body}


async def add(connection: AsyncConnection, dice: random.Random) -> None:
    await connection.execute(text("INSERT INTO documents (body) VALUES (:body)"), {"body": str(dice.randrange(9))})


async def break_down(connection: AsyncConnection, dice: random.Random) -> None:
    await connection.execute(text("SELECT 1 / 0"))


@pytest.mark.asyncio
async def test_without_its_trigger(backfill_runner: Runner) -> None:
    await backfill_runner.run(EmailNormalized)


@pytest.mark.asyncio
async def test_with_a_document_that_is_refused(backfill_runner: Runner) -> None:
    async with backfill_runner.begin() as connection:
        await connection.execute(text("INSERT INTO documents (body) SELECT n FROM generate_series(1, 20) AS n"))
    await backfill_runner.run(refuses)


@pytest.mark.asyncio
async def test_with_rows_that_are_left(backfill_runner: Runner) -> None:
    async with backfill_runner.begin() as connection:
        await add(connection, random.Random(1))
    await backfill_runner.assert_verified(refuses)


@pytest.mark.asyncio
async def test_with_live_writes_that_break(backfill_runner: Runner) -> None:
    async with backfill_runner.live_writes(break_down):
        await backfill_runner.run(refuses)
