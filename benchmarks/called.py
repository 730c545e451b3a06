"""Functions of 50 milliseconds that backfills call for each row: one that waits in a thread, and one on the loop."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Any

from sqlalchemy import BigInteger, Column, MetaData, Table, Text, cast, func
from sqlalchemy.dialects.postgresql import BYTEA

from backfill.definitions.calls import calls

MILLISECONDS, AT_ONCE = 50, 20
DOCUMENTS = Table(
    "documents",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("body", Text, nullable=False),
    Column("sha256", Text),
)
TO_DO = DOCUMENTS.columns.sha256.is_(None)
RIGHT = DOCUMENTS.columns.sha256 == func.encode(func.sha256(cast(DOCUMENTS.columns.body, BYTEA)), "hex", type_=Text)


@calls(table=DOCUMENTS, reads=[DOCUMENTS.columns.body], todo=TO_DO, check=RIGHT, kept_by="frozen", concurrency=AT_ONCE)
def in_threads(row: Any) -> dict[str, str]:
    """Hashes documents in threads, with a wait for each."""
    time.sleep(MILLISECONDS / 1000)
    return {"sha256": hashlib.sha256(row.body.encode()).hexdigest()}


@calls(table=DOCUMENTS, reads=[DOCUMENTS.columns.body], todo=TO_DO, check=RIGHT, kept_by="frozen", concurrency=AT_ONCE)
async def on_the_loop(row: Any) -> dict[str, str]:
    """Hashes documents on the worker's loop, with a wait for each."""
    await asyncio.sleep(MILLISECONDS / 1000)
    return {"sha256": hashlib.sha256(row.body.encode()).hexdigest()}


@calls(table=DOCUMENTS, reads=[DOCUMENTS.columns.body], todo=TO_DO, check=RIGHT, kept_by="frozen")
def at_once(row: Any) -> dict[str, str]:
    """Hashes documents in threads, without a wait."""
    return {"sha256": hashlib.sha256(row.body.encode()).hexdigest()}
